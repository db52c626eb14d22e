//! Objects on the bus: their methods, the arguments of these, and the replies.
//!
//! An object is a microservice, or a task, barrier or storage that one made. Its interface is a
//! constant. Attributes that it does not list do not exist, whatever name a client asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::{Message, Recipient};

use crate::vocabulary::code::Code;
use crate::vocabulary::data::Data;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::flight::Flight;
use crate::vocabulary::label::{Labelled, Private, Public};
use crate::vocabulary::presence::Awaited;
pub use crate::vocabulary::principal::{Principal, Right};
use crate::vocabulary::selection::Stored;
use crate::vocabulary::shown::shown;

/// The methods that clients can call on an object.
#[derive(Debug)]
pub struct Interface {
    /// The object's name in messages to people.
    pub name: &'static str,
    /// The right that a caller needs.
    pub right: Right,
    /// The methods.
    pub methods: &'static [Method],
}

/// A method of an object.
#[derive(Debug)]
pub struct Method {
    /// The name.
    pub name: &'static str,
    /// The parameters in order.
    pub parameters: &'static [Parameter],
}

/// A parameter of a method.
#[derive(Debug)]
pub enum Parameter {
    /// A required parameter that may be shown again: names, networks, parameters.
    Required(&'static str),
    /// An optional parameter that may be shown again.
    Optional(&'static str),
    /// A required parameter whose value is private from here on: it is computed with and never
    /// shown.
    Private(&'static str),
    /// A required parameter whose value keeps the label of its handle. An inline value is private.
    Kept(&'static str),
}

/// An object: an actor that takes calls, and the number of the object there.
#[derive(Clone, Debug)]
pub struct Object {
    /// The methods that can be called.
    pub interface: &'static Interface,
    /// The address that takes the calls.
    pub recipient: Recipient<Call>,
    /// The number of the object at its recipient; 0 for the microservice itself.
    pub key: u64,
}

/// A client's call of a method.
#[derive(Message)]
#[rtype(result = "Result<Reply, ApiError>")]
pub struct Call {
    /// The caller.
    pub principal: Principal,
    /// The number of the called object at its recipient.
    pub key: u64,
    /// The method's name, from the interface.
    pub method: &'static str,
    /// The arguments, bound to the method's parameters.
    pub arguments: Arguments,
    /// The room for the bytes of the arguments, held until the call has ended.
    pub flight: Flight,
    /// The client that waits for the result.
    pub awaited: Awaited,
}

/// The result of a call.
#[derive(Debug)]
pub enum Reply {
    /// No value and no object.
    None,
    /// A value.
    Value(Labelled),
    /// An object.
    Object(Object),
}

/// An argument of a call.
#[derive(Clone)]
pub enum Argument {
    /// A value sent with the call.
    Inline(Arc<Data>),
    /// A value that the node holds, referred to by a handle.
    Held(Labelled),
    /// A value sent with the call, with handles of private data inside.
    Nested(Arc<Data>, BTreeMap<String, Stored>),
}

/// Private input of a computation, in memory or kept by the node.
#[derive(Clone)]
pub enum Material {
    /// A value that came with the call.
    Here(Private<Data>),
    /// A value that the node keeps and reads when needed.
    Stored(Stored),
    /// A value that came with the call, with handles inside.
    Nested {
        /// The value, with the handles in it.
        data: Private<Data>,
        /// The values of the handles, by the handles' names.
        held: BTreeMap<String, Stored>,
    },
}

/// The arguments of a call by parameter name, with the labels that the interface gives them.
#[derive(Clone, Default)]
pub struct Arguments(BTreeMap<&'static str, Bound>);

/// An argument with the label of its parameter.
#[derive(Clone)]
enum Bound {
    Open(Argument),
    Private(Material),
    Kept(Labelled),
}

impl Interface {
    /// Returns the method of this name.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<&'static Method> {
        self.methods.iter().find(|method| method.name == name)
    }

    /// Returns the names of all methods, for messages to people.
    #[must_use]
    pub fn method_names(&self) -> String {
        let names: Vec<&str> = self.methods.iter().map(|method| method.name).collect();
        names.join(", ")
    }
}

impl Method {
    /// Binds positional and named arguments to the parameters.
    ///
    /// # Errors
    /// If one is missing, unknown, or given twice.
    pub fn bind(
        &self,
        positional: Vec<Argument>,
        named: BTreeMap<String, Argument>,
    ) -> Result<Arguments, ApiError> {
        if positional.len() > self.parameters.len() {
            return Err(self.misuse(format!("{} arguments are too many", positional.len())));
        }
        let mut bound = BTreeMap::new();
        for (parameter, argument) in self.parameters.iter().zip(positional) {
            bound.insert(parameter.name(), argument);
        }
        for (name, argument) in named {
            let parameter = self.parameters.iter().find(|parameter| parameter.name() == name);
            let Some(parameter) = parameter else {
                return Err(self.misuse(format!("there is no argument `{}`", shown(&name))));
            };
            if bound.insert(parameter.name(), argument).is_some() {
                return Err(self.misuse(format!("argument `{name}` is given twice")));
            }
        }
        for parameter in self.parameters {
            let optional = matches!(parameter, Parameter::Optional(_));
            if !optional && !bound.contains_key(parameter.name()) {
                return Err(self.misuse(format!("argument `{}` is missing", parameter.name())));
            }
        }
        let mut labelled = BTreeMap::new();
        for parameter in self.parameters {
            if let Some(argument) = bound.remove(parameter.name()) {
                labelled.insert(parameter.name(), parameter.label(argument)?);
            }
        }
        Ok(Arguments(labelled))
    }

    fn misuse(&self, message: String) -> ApiError {
        let names: Vec<String> = self.parameters.iter().map(Parameter::usage).collect();
        ApiError::new(Code::BadArgument, message).hint(format!(
            "call {}({})",
            self.name,
            names.join(", ")
        ))
    }
}

impl Parameter {
    fn name(&self) -> &'static str {
        match self {
            Self::Required(name)
            | Self::Optional(name)
            | Self::Private(name)
            | Self::Kept(name) => name,
        }
    }

    /// Gives an argument the label of this parameter.
    fn label(&self, argument: Argument) -> Result<Bound, ApiError> {
        Ok(match self {
            Self::Required(_) | Self::Optional(_) => Bound::Open(argument),
            Self::Private(name) => Bound::Private(argument.for_computing(name)?),
            Self::Kept(_) => Bound::Kept(argument.kept()),
        })
    }

    fn usage(&self) -> String {
        match self {
            Self::Optional(name) => format!("{name}=…"),
            _ => self.name().to_owned(),
        }
    }
}

impl Argument {
    /// Returns the value for computing on this node, whatever its label.
    ///
    /// # Errors
    /// If it is a report that is no data.
    fn for_computing(&self, name: &str) -> Result<Material, ApiError> {
        let here = match self {
            Self::Held(Labelled::Private(stored)) => return Ok(Material::Stored(stored.clone())),
            Self::Inline(data) => Private::from(Arc::clone(data)),
            Self::Nested(data, held) => {
                let (data, held) = (Private::from(Arc::clone(data)), held.clone());
                return Ok(Material::Nested { data, held });
            }
            Self::Held(Labelled::Public(data)) => Private::from(Arc::clone(data.get())),
            Self::Held(Labelled::Opened(report)) => {
                let json = serde_json::to_value(report.as_ref());
                let data = json.and_then(serde_json::from_value);
                Private::new(data.map_err(|error| ApiError::argument(name, error))?)
            }
        };
        Ok(Material::Here(here))
    }

    /// Returns the value, if it may be shown again.
    fn public(&self, name: &str) -> Result<Arc<Data>, ApiError> {
        match self {
            Self::Inline(data) => Ok(Arc::clone(data)),
            Self::Held(Labelled::Public(data)) => Ok(Arc::clone(data.get())),
            Self::Nested(..) | Self::Held(Labelled::Private(_) | Labelled::Opened(_)) => {
                Err(ApiError::no_download(format!(
                    "argument `{name}` takes no handle of data: write the value into the call"
                )))
            }
        }
    }

    /// Returns the value with the label of its handle. An inline value is private, as data that a
    /// client pushed.
    fn kept(self) -> Labelled {
        match self {
            // Handles inside are kept by their names.
            Self::Inline(data) | Self::Nested(data, _) => {
                Labelled::Private(Stored::Inline(Private::from(data)))
            }
            Self::Held(labelled) => labelled,
        }
    }

    /// Returns the value as all clients may read it, as in a broadcast: its sender chose to write
    /// it into the call. A handle's value keeps its label.
    #[must_use]
    pub fn told(&self) -> Labelled {
        match self {
            // Of handles inside only the names are told, and the caller wrote those itself.
            Self::Inline(data) | Self::Nested(data, _) => {
                Labelled::Public(Public::never_secret(Arc::clone(data)))
            }
            Self::Held(labelled) => labelled.clone(),
        }
    }
}

impl Material {
    /// Returns how many bytes of memory the input holds now.
    #[must_use]
    pub fn footprint(&self) -> usize {
        match self {
            Self::Here(data) => data.for_computing().footprint(),
            Self::Stored(stored) => stored.footprint(),
            Self::Nested { data, held } => {
                let inside = held.values().map(Stored::footprint).sum::<usize>();
                data.for_computing().footprint().saturating_add(inside)
            }
        }
    }
}

impl Arguments {
    /// Returns the argument of this name, if it was given and is not null.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Argument> {
        match self.0.get(name)? {
            Bound::Open(Argument::Inline(data)) if matches!(**data, Data::Null) => None,
            Bound::Open(argument) => Some(argument),
            Bound::Private(_) | Bound::Kept(_) => None,
        }
    }

    /// Returns the argument of this name, null or not.
    ///
    /// # Errors
    /// If it was not given.
    pub fn required(&self, name: &'static str) -> Result<&Argument, ApiError> {
        match self.0.get(name) {
            Some(Bound::Open(argument)) => Ok(argument),
            Some(_) => Err(mislabelled(name)),
            None => Err(ApiError::argument(name, "missing")),
        }
    }

    /// Returns the private data of this name.
    ///
    /// # Errors
    /// If the interface does not declare the parameter private.
    pub fn data(&self, name: &'static str) -> Result<Material, ApiError> {
        match self.0.get(name) {
            Some(Bound::Private(material)) => Ok(material.clone()),
            _ => Err(mislabelled(name)),
        }
    }

    /// Returns the value of this name with its label.
    ///
    /// # Errors
    /// If the interface does not declare the parameter kept.
    pub fn kept(&self, name: &'static str) -> Result<Labelled, ApiError> {
        match self.0.get(name) {
            Some(Bound::Kept(labelled)) => Ok(labelled.clone()),
            _ => Err(mislabelled(name)),
        }
    }

    /// Returns the value of this name, which may be shown again: names, networks, parameters.
    ///
    /// # Errors
    /// If it was not given, or is a handle of private data.
    pub fn public(&self, name: &'static str) -> Result<Arc<Data>, ApiError> {
        self.required(name)?.public(name)
    }

    /// Returns the number of this name, if it was given.
    ///
    /// # Errors
    /// If it is no whole number from 0.
    pub fn index(&self, name: &'static str) -> Result<Option<usize>, ApiError> {
        let Some(argument) = self.get(name) else { return Ok(None) };
        let index = argument.public(name)?.as_index();
        index.map(Some).ok_or_else(|| ApiError::argument(name, "a whole number from 0 is needed"))
    }

    /// Returns whether the argument of this name is true. It is false where it was not given.
    ///
    /// # Errors
    /// If it is neither true nor false.
    pub fn flag(&self, name: &'static str) -> Result<bool, ApiError> {
        match self.get(name).map(|argument| argument.public(name)).transpose()?.as_deref() {
            None | Some(Data::Null) => Ok(false),
            Some(Data::Bool(flag)) => Ok(*flag),
            Some(other) => {
                let message = format!("true or false is needed, not {}", other.kind());
                Err(ApiError::argument(name, message))
            }
        }
    }

    /// Returns the argument of this name, which must be a text or a number that stands for one.
    ///
    /// # Errors
    /// If it was not given, or is neither.
    pub fn text(&self, name: &'static str) -> Result<String, ApiError> {
        /// The longest text in bytes.
        const LONGEST: usize = 1_000;
        let data = self.public(name)?;
        let text = match &*data {
            Data::Text(text) => text.clone(),
            Data::Integer(number) => number.to_string(),
            other => {
                let message = format!("a text is needed, not {}", other.kind());
                return Err(ApiError::argument(name, message));
            }
        };
        if text.len() > LONGEST {
            return Err(ApiError::argument(name, format!("more than {LONGEST} bytes")));
        }
        Ok(text)
    }
}

/// Reports that a service asks for an argument by another label than its interface declares.
fn mislabelled(name: &str) -> ApiError {
    ApiError::internal(format!("argument `{name}` has another label in the interface"))
}

#[cfg(test)]
mod tests {
    use super::*;

    static METHOD: Method = Method {
        name: "compute",
        parameters: &[
            Parameter::Required("name"),
            Parameter::Private("data"),
            Parameter::Kept("value"),
            Parameter::Optional("more"),
        ],
    };

    fn inline(text: &str) -> Argument {
        Argument::Inline(Arc::new(Data::Text(text.into())))
    }

    #[test]
    fn the_interface_decides_which_arguments_can_be_shown_again() {
        let all = ["study", "secret", "kept"].map(inline).into();
        let arguments = METHOD.bind(all, BTreeMap::new()).unwrap();
        assert_eq!(arguments.text("name").unwrap(), "study");
        for name in ["data", "value"] {
            assert_eq!(arguments.public(name).unwrap_err().code(), Code::Internal);
            assert!(arguments.get(name).is_none());
        }
        assert!(arguments.data("data").is_ok() && arguments.data("name").is_err());
        let kept = arguments.kept("value").unwrap();
        assert!(matches!(kept, Labelled::Private(Stored::Inline(_))));
    }

    #[test]
    fn a_handle_keeps_its_label_where_the_interface_says_so() {
        let public = Labelled::Public(Public::never_secret(Arc::new(Data::Null)));
        let named = [("value".to_owned(), Argument::Held(public))].into();
        let arguments = METHOD.bind(["study", "secret"].map(inline).into(), named).unwrap();
        assert!(matches!(arguments.kept("value").unwrap(), Labelled::Public(_)));
    }

    #[test]
    fn an_unknown_name_is_not_told_back_whole() {
        let name = "\u{1b}[2J\n".repeat(1 << 20);
        let named = [(name, inline("value"))].into();
        let message = METHOD.bind(Vec::new(), named).err().unwrap().message().to_owned();
        assert!(message.len() < 200 && !message.contains(char::is_control), "{message}");
    }

    #[test]
    fn what_is_private_or_kept_must_be_given() {
        let missing = METHOD.bind(vec![inline("study")], BTreeMap::new()).err().unwrap();
        assert_eq!(missing.code(), Code::BadArgument);
        assert!(missing.advice().contains("compute(name, data, value, more=…)"));
    }
}
