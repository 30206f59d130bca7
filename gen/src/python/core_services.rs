//! The services as attributes of a core.

use super::services::Kind;
use super::{HEAD, docstring};
use crate::service::Api;
use crate::text::class;

pub(crate) fn core_services(api: &Api, kind: Kind) -> String {
    let (prefix, package, adjective) = match kind {
        Kind::Sync => ("", "gatekeeper", "synchronous"),
        Kind::Async => ("_aio", "gatekeeper.aio", "asynchronous"),
    };
    let mut classes: Vec<_> = api.services.iter().map(|service| class(service.name)).collect();
    classes.sort();
    let imports: String = classes.iter().map(|class| format!("    {class},\n")).collect();
    let mut text = format!(
        "{HEAD}\"\"\"The {adjective} services as attributes of a core.\"\"\"\n\n\
         from gatekeeper.{prefix}_service import Core\n\
         from gatekeeper.{prefix}_services import (\n{imports})\n\n\n\
         class CoreServices(Core):\n    \
         \"\"\"The services of a :class:`{package}.GatekeeperCore`, its only subclass.\"\"\"\n\n    \
         __slots__ = ()\n"
    );
    for service in &api.services {
        let (attribute, class) = (service.name, class(service.name));
        let documentation = format!("{} The same as `{class}(core)`.", service.documentation);
        text.push_str(&format!("\n    @property\n    def {attribute}(self) -> {class}:\n"));
        text.push_str(&docstring(&documentation, "", &[], "        "));
        text.push_str(&format!("        return {class}(self)\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_is_an_attribute_of_a_core() {
        let api = crate::service::tests::sample().unwrap();
        for (kind, module) in [(Kind::Sync, "_services"), (Kind::Async, "_aio_services")] {
            let text = core_services(&api, kind);
            assert!(
                text.contains(&format!("from gatekeeper.{module} import (\n    KeysService,\n")),
                "{text}"
            );
            assert!(text.contains("    @property\n    def keys(self) -> KeysService:\n"), "{text}");
            assert!(text.contains("        return KeysService(self)\n"), "{text}");
        }
    }
}
