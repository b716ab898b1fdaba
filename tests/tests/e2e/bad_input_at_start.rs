//! What an operator reads who got a setting wrong.
