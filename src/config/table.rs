//! What the rows of `settings.rs` become: fields with their defaults, and constants that say how each setting
//! is read.

macro_rules! settings {
    (
        $(#[$of_config:meta])*
        config { $($(#[$doc:meta])* $section:ident.$name:ident: $type:ty = $default:expr, $example:literal, $read:expr, $when:ident;)* }
        beside { $($(#[$beside_doc:meta])* $beside:ident: $beside_type:ty = $beside_default:expr;)* }
        replies { $($of_replies:ident, $replies_example:literal, $replies_read:expr;)* }
        tokens { $($of_tokens:ident, $tokens_example:literal, $with:ident;)* }
        files { $($field:ident, $noun:literal, $read_part:expr, $copy:expr, $differs:expr => {
            $($(#[$file_doc:meta])* $file_section:ident.$file:ident, $file_example:literal, $kind:ident;)*
        })* }
        written { $($(#[$written_doc:meta])* $written_section:ident.$written:ident, $written_example:literal;)* }
    ) => {
        $(#[$of_config])*
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub struct Config {
            $($(#[$doc])* pub $name: $type,)*
            $($(#[$beside_doc])* pub $beside: $beside_type,)*
        }

        impl Default for Config {
            fn default() -> Config {
                Config { $($name: $default,)* $($beside: $beside_default,)* }
            }
        }

        /// The files that a [`Config`] was read from, and those that the program around the server writes.
        #[derive(Clone, Debug, Default)]
        #[non_exhaustive]
        pub struct ConfigFiles {
            /// The files that were read: the file of settings and those that it names.
            pub read: Vec<ConfigFile>,
            $($($(#[$file_doc])* pub $file: Option<PathBuf>,)*)*
            $($(#[$written_doc])* pub $written: Option<PathBuf>,)*
        }

        impl ConfigFiles {
            /// The settings that name the files which the program writes.
            fn of_program(&self) -> impl Iterator<Item = (&'static str, Option<&Path>)> {
                [$((stringify!($written), self.$written.as_deref()),)*].into_iter()
            }
        }

        /// Keys and replies are sections of their own.
        pub(super) const SETTINGS: &[Setting] = &[
            $(Setting {
                set: |config, _, value| $read(value).map(|value| config.$name = value),
                differs: |one, other| one.$name != other.$name,
                keep: settings!(@keep $when $name),
                ..Setting::new(stringify!($section), stringify!($name), $example)
            },)*
            $(Setting {
                set: |config, _, value| {
                    $replies_read(value).map(|value| config.replies.options_mut().$of_replies = value)
                },
                differs: |one, other| one.replies.options().$of_replies != other.replies.options().$of_replies,
                ..Setting::new("bot", stringify!($of_replies), $replies_example)
            },)*
            $(Setting {
                set: |config, _, value| {
                    let tokens = std::mem::take(&mut config.tokens);
                    config.tokens = if value.is_empty() { tokens } else { tokens.$with(value) };
                    Ok(())
                },
                ..Setting::new("auth", stringify!($of_tokens), $tokens_example)
            },)*
            $($(Setting {
                set: |_, files, value| path(value).map(|path| files.$file = path),
                differs: |one, other| $differs(&one.$field, &other.$field),
                file: Some(|files| &mut files.$file),
                ..Setting::new(stringify!($file_section), stringify!($file), $file_example)
            },)*)*
            $(Setting {
                set: |_, files, value| path(value).map(|path| files.$written = path),
                file: Some(|files| &mut files.$written),
                ..Setting::new(stringify!($written_section), stringify!($written), $written_example)
            },)*
        ];

        pub(super) const PARTS: &[FilePart] = &[$(FilePart {
            noun: $noun,
            field: stringify!($field),
            files: &[$(NamedFile {
                setting: stringify!($file),
                kind: Kind::$kind,
                path: |files| files.$file.as_deref(),
            },)*],
            read: |config, files, is_reload| $read_part(&mut config.$field, files, is_reload),
            copy: |config, other| $copy(&mut config.$field, &other.$field),
        },)*];
    };
    (@keep live $name:ident) => { None };
    (@keep restart $name:ident) => { Some(|new, current| new.$name.clone_from(&current.$name)) };
}
