//! The fixture of the usage tests.

use gatekeeper::blocking::Gatekeeper;
use gatekeeper::key_manager::CreateKey;
use gatekeeper::platform::SetTenantQuota;
use gatekeeper::usage::{
    CheckAndRecordUsage, ListUsageEvents, Period, QuotaCheck, RecordUsage, SummarizeUsage, UsageEvent,
    UsageInput, UsageSummary,
};
use gatekeeper::{Clock, GatekeeperError, KeyId, ManualClock, Options, Secret, TenantId};
use serde_json::{Map, Value};

/// A database with a tenant.
pub struct Fixture {
    pub operator: Gatekeeper,
    pub tenant: TenantId,
    pub root: Secret,
}

impl Fixture {
    pub fn new(operator: Gatekeeper) -> Self {
        let created = operator.create_root_key("Acme Inc").unwrap();
        Self { operator, tenant: created.tenant_id, root: created.key }
    }

    pub fn with_clock() -> (Self, ManualClock) {
        let (clock, mut options) = (ManualClock::new(), Options::default());
        options.clock = Clock::Manual(clock.clone());
        (Self::new(Gatekeeper::open_with("memory:", options).unwrap()), clock)
    }

    pub fn input(&self, quantity: i64) -> UsageInput {
        UsageInput { quantity, ..UsageInput::new(self.tenant, "inference", "completion") }
    }

    pub fn record(&self, input: UsageInput) -> Result<UsageEvent, GatekeeperError> {
        self.operator.call(RecordUsage(input))
    }

    pub fn check_and_record(&self, input: UsageInput) -> Result<(UsageEvent, QuotaCheck), GatekeeperError> {
        let recorded = self.operator.call(CheckAndRecordUsage(input))?;
        assert!(recorded.allowed && recorded.quota.allowed);
        Ok((recorded.event, recorded.quota))
    }

    pub fn quota(&self, limit: Option<i64>, period: Period) {
        let set = SetTenantQuota { tenant_id: self.tenant, limit, period };
        self.operator.call(set).unwrap();
    }

    pub fn summary(&self, period: Period) -> UsageSummary {
        self.operator.call(SummarizeUsage { tenant_id: self.tenant, period }).unwrap()
    }

    pub fn key(&self) -> (KeyId, Secret) {
        let key = self.operator.with_root_key(&self.root).call(CreateKey::new("user")).unwrap();
        (key.id, key.api_key)
    }

    /// Every event, page by page, the newest first.
    pub fn events(&self, api_key_id: Option<KeyId>, limit: u32) -> Vec<UsageEvent> {
        let (mut events, mut cursor) = (Vec::new(), None);
        loop {
            let list = ListUsageEvents { tenant_id: self.tenant, api_key_id, limit: Some(limit), cursor };
            let page = self.operator.call(list).unwrap();
            events.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return events;
            }
        }
    }
}

/// Runs a test with a memory database and with a file.
pub fn everywhere(test: impl Fn(Fixture)) {
    test(Fixture::new(Gatekeeper::open("memory:").unwrap()));
    let folder = tempfile::tempdir().unwrap();
    test(Fixture::new(Gatekeeper::open(folder.path().join("gatekeeper.db").to_str().unwrap()).unwrap()));
}

pub fn under(key: &str, input: UsageInput) -> UsageInput {
    UsageInput { idempotency_key: Some(key.to_owned()), ..input }
}

pub fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("not an object") };
    object
}
