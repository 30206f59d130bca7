//! Metered usage of an API: an account, its tenant, a key with a scope, and quotas of the key and of the tenant.

use gatekeeper::auth::Signup;
use gatekeeper::blocking::Gatekeeper;
use gatekeeper::keys::CreateApiKey;
use gatekeeper::platform::SetTenantQuota;
use gatekeeper::tenants::CreateTenant;
use gatekeeper::usage::{CheckAndRecordUsage, CheckQuota, Period, SummarizeUsage, UsageInput};
use gatekeeper::{ErrorKind, Result, Secret};

/// Records the usage of one request, if the key may write and the quotas have room for it.
fn serve(gatekeeper: &Gatekeeper, key: &Secret, quantity: i64, request_id: &str) -> Result<String> {
    let caller = gatekeeper.validate(key.expose())?; // `unauthorized` if the key is not valid
    if !caller.scopes().iter().any(|scope| scope == "write") {
        return Ok("403 the key needs the scope write".to_owned());
    }
    let usage = UsageInput {
        quantity,
        api_key_id: Some(caller.id()),
        idempotency_key: Some(request_id.to_owned()), // a request that is sent again counts once
        ..UsageInput::new(caller.tenant_id(), "inference", "completion")
    };
    match gatekeeper.call(CheckAndRecordUsage(usage)) {
        Ok(recorded) => Ok(format!("{} of {} used", recorded.quota.used, text(recorded.quota.limit))),
        Err(error) if error.kind() == ErrorKind::PlanLimit => {
            let check =
                CheckQuota { quantity, api_key_id: Some(caller.id()), ..CheckQuota::new(caller.tenant_id()) };
            let remaining = gatekeeper.call(check)?.remaining;
            Ok(format!("{} {}, {} left", error.status(), error.code(), text(remaining)))
        }
        Err(error) => Err(error),
    }
}

/// A number that a quota may not have.
fn text(number: Option<i64>) -> String {
    number.map_or_else(|| "any number".to_owned(), |number| number.to_string())
}

fn main() -> Result<()> {
    let operator = Gatekeeper::open("sqlite:gatekeeper.db")?; // an embedded database is opened as the operator
    let tokens = operator.anonymous().call(Signup {
        email: "founder@example.com".into(),
        password: Secret::new("hunter2pass"),
        name: Some("Founder".into()),
    })?;
    let founder = operator.with_token(&tokens.access_token);
    let tenant = founder.call(CreateTenant { name: "Acme Inc".into() })?;
    let quota =
        operator.call(SetTenantQuota { tenant_id: tenant.id, limit: Some(1000), period: Period::Month })?;
    println!("{}: {} tokens a month", tenant.name, text(quota.limit));

    let created = founder.call(CreateApiKey {
        name: Some("server-key".into()),
        scopes: vec!["read".into(), "write".into()],
        quota_limit: Some(100),
        ..CreateApiKey::new(tenant.id)
    })?;
    let (key, api_key) = (created.plain_text_key, created.api_key);
    let name = api_key.name.unwrap_or_default();
    println!("{name}: {} tokens a month", text(api_key.quota_limit));
    println!("60 tokens: {}", serve(&operator, &key, 60, "request 1")?);
    println!("the same request again: {}", serve(&operator, &key, 60, "request 1")?);
    println!("60 tokens more: {}", serve(&operator, &key, 60, "request 2")?);

    let summary = founder.call(SummarizeUsage { tenant_id: tenant.id, period: Period::Month })?;
    println!("{}: {} tokens in {} request", tenant.name, summary.total_usage, summary.event_count);
    Ok(())
}
