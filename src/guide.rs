//! The guide to the program and the library, in chapters. `replyd guide` shows them on a terminal.

/// Makes a table of all chapters, and a module of each for this documentation.
macro_rules! chapters {
    ($($name:ident)*) => {
        /// The names of the chapters, and their texts in Markdown.
        pub const CHAPTERS: &[(&str, &str)] =
            &[$((stringify!($name), include_str!(concat!("guide/", stringify!($name), ".md")))),*];
        $(
            // The first definition of a link counts; those in the files are for readers of the files.
            #[doc = "[answers]: answers\n[owner]: owner\n[server]: server\n"]
            #[doc = include_str!(concat!("guide/", stringify!($name), ".md"))]
            pub mod $name {}
        )*
    };
}
chapters!(answers site security server owner library contributing);

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
