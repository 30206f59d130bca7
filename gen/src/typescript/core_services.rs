//! The services as properties of a core.

use super::{HEAD, comment};
use crate::service::Api;
use crate::text::class;

pub(crate) fn core_services(api: &Api) -> String {
    let mut classes: Vec<_> = api.services.iter().map(|service| class(service.name)).collect();
    classes.sort();
    let imports: String = classes.iter().map(|class| format!("  {class},\n")).collect();
    let mut text = format!(
        "{HEAD}import {{ coreOf }} from '../service.js';\nimport {{\n{imports}}} from './services.js';\n\n\
         /** The services of a `GatekeeperCore`, its only subclass. */\nexport abstract class CoreServices {{\n"
    );
    for (index, service) in api.services.iter().enumerate() {
        let class = class(service.name);
        if index > 0 {
            text.push('\n');
        }
        text.push_str(&comment(&format!("{} The same as `new {class}(core)`.", service.documentation), "  "));
        text.push_str(&format!(
            "  get {}(): {class} {{\n    return new {class}(coreOf(this));\n  }}\n",
            service.name
        ));
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_is_a_property_of_a_core() {
        let text = core_services(&crate::service::tests::sample().unwrap());
        assert!(text.contains("import {\n  KeysService,\n"), "{text}");
        assert!(
            text.contains("  get keys(): KeysService {\n    return new KeysService(coreOf(this));\n  }\n"),
            "{text}"
        );
    }
}
