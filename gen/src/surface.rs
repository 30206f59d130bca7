//! The surface document, which the parity tests of each language compare with their SDK.

use serde_json::{Map, json};

use crate::schema::Shape;
use crate::service::{Api, iterator};
use crate::text::class;

pub(crate) fn document(api: &Api) -> String {
    let mut services = Map::new();
    let mut operations = Map::new();
    for service in &api.services {
        let iterators = service.methods.iter().filter(|each| each.iterates.is_some());
        services.insert(
            class(service.name),
            json!({
                "methods": service.methods.iter().map(|each| each.method).collect::<Vec<_>>(),
                "iterators": iterators.map(|each| iterator(each.method)).collect::<Vec<_>>(),
                "config": service.config.iter().map(|(option, _, _)| option).collect::<Vec<_>>(),
            }),
        );
        for operation in &service.methods {
            let mut descriptor = operation.descriptor.clone();
            if let Some(fields) = descriptor.as_object_mut() {
                fields.insert("service".to_owned(), class(service.name).into());
                fields.insert("method".to_owned(), operation.method.into());
            }
            operations.insert(operation.name.to_owned(), descriptor);
        }
    }
    let mut models = Map::new();
    for (name, definition) in api.definitions.iter().filter(|(name, _)| !api.sent.contains(*name)) {
        if let Shape::Record(fields) = &definition.shape {
            let fields: Vec<&str> = fields.iter().map(|field| field.wire.as_str()).collect();
            models.insert(name.clone(), fields.into());
        }
    }
    let document = json!({ "services": services, "operations": operations, "models": models });
    format!("{document:#}\n")
}
