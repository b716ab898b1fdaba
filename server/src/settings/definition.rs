use super::kind::Kind;

/// What is known of a setting without knowing its value's type.
pub(super) struct Definition {
    /// Its name in the file and in `Settings`; flags and variables are made of it.
    pub(super) name: &'static str,
    /// The heading it stands under.
    pub(super) group: &'static str,
    /// What it means: lines, the first of which says it in short.
    pub(super) doc: &'static [&'static str],
    /// Its default as text; empty for none.
    pub(super) default: &'static str,
    /// Variables of the original that set it, too.
    pub(super) legacy: &'static [Legacy],
    /// What stands for the value in `--help`.
    pub(super) placeholder: &'static str,
    /// Whether the flag alone means `true`.
    pub(super) is_flag: bool,
    /// Whether there may be several values.
    pub(super) is_list: bool,
    /// Whether two texts mean the same value.
    pub(super) same: fn(&str, &str) -> bool,
    /// What was given, for an error, without secrets.
    pub(super) shown: fn(&str) -> String,
}

impl Definition {
    /// The flag on the command line, without the dashes before it.
    pub(super) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The environment variable.
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_ascii_uppercase())
    }
}

/// What the names of all our environment variables start with.
pub(super) const PREFIX: &str = "SWAMP_DRAGON_";

/// An environment variable of the original that sets one of our settings.
#[derive(Clone, Copy)]
pub(super) struct Legacy {
    pub(super) variable: &'static str,
    pub(super) bare_number: BareNumber,
}

/// What a number without a unit means in a variable of the original.
#[derive(Clone, Copy)]
pub(super) enum BareNumber {
    AsGiven,
    Minutes,
    Milliseconds,
}

impl Legacy {
    /// The value as the setting reads it.
    pub(super) fn convert(&self, text: &str) -> String {
        let is_bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match self.bare_number {
            BareNumber::Minutes if is_bare => format!("{text}m"),
            BareNumber::Milliseconds if is_bare => format!("{text}ms"),
            _ => text.to_owned(),
        }
    }

    /// What `--help` says of it.
    pub(super) fn describe(&self) -> String {
        match self.bare_number {
            BareNumber::AsGiven => self.variable.to_owned(),
            BareNumber::Minutes => format!("{} (a bare number is minutes)", self.variable),
            BareNumber::Milliseconds => format!("{} (a bare number is milliseconds)", self.variable),
        }
    }
}

/// Whether two texts mean the same value of kind `K`; what has no meaning is the same as itself only.
pub(super) fn same<K: Kind>(one: &str, other: &str) -> bool {
    one == other || matches!((K::parse(one), K::parse(other)), (Ok(one), Ok(other)) if one == other)
}

/// What the documentation of a field says of the setting's default.
macro_rules! default_doc {
    ("") => {
        "Default: none."
    };
    ($default:literal) => {
        concat!("Default: `", $default, "`.")
    };
}
pub(super) use default_doc;

/// Makes of one table the struct `Settings`, its description for flags, environment and file, and the code between
/// the two, so that a setting is written down once.
macro_rules! settings {
    (
        $(#[$outer:meta])*
        pub struct $Settings:ident;
        $($group:literal {
            $(
                $(#[doc = $doc:literal])+
                $name:ident: $type:ty = $kind:ty, $default:tt $(, $variable:literal as $bare_number:ident)*;
            )*
        })*
    ) => {
        $(#[$outer])*
        #[derive(Clone, PartialEq)]
        pub struct $Settings {
            $($($(#[doc = $doc])+ #[doc = ""] #[doc = default_doc!($default)] pub $name: $type,)*)*
        }

        /// All settings, in the order in which people are shown them.
        pub(super) const DEFINITIONS: &[Definition] = &[$($(Definition {
            name: stringify!($name),
            group: $group,
            doc: &[$($doc),+],
            default: $default,
            legacy: &[$(Legacy { variable: $variable, bare_number: BareNumber::$bare_number }),*],
            placeholder: <$kind as Kind>::PLACEHOLDER,
            is_flag: <$kind as Kind>::IS_FLAG,
            is_list: <$kind as Kind>::IS_LIST,
            same: same::<$kind>,
            shown: <$kind as Kind>::shown,
        },)*)*];

        impl $Settings {
            /// Reads every setting from the text given for it.
            pub(super) fn read<E>(mut read: impl Reads<E>) -> Result<Self, E> {
                Ok(Self { $($($name: read.setting::<$kind>(stringify!($name))?,)*)* })
            }

            /// Every setting as a TOML file would have it, without secrets; `None` where there is no value.
            pub(super) fn toml(&self) -> Vec<(&'static str, Option<String>)> {
                vec![$($((stringify!($name), <$kind as Kind>::toml(&self.$name)),)*)*]
            }
        }

        // As it is printed, since an address may have a password in it.
        impl std::fmt::Debug for $Settings {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut shown = f.debug_struct(stringify!($Settings));
                for (name, value) in self.toml() {
                    shown.field(name, &format_args!("{}", value.as_deref().unwrap_or("none")));
                }
                shown.finish()
            }
        }
    };
}
pub(super) use settings;

/// Whatever has a text for each setting.
pub(super) trait Reads<E> {
    /// Reads the value of one setting.
    fn setting<K: Kind>(&mut self, name: &'static str) -> Result<K::Value, E>;
}
