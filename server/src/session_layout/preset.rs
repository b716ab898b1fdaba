use std::{fmt, str::FromStr};

use super::{Choice, CookieSignature, django, express, flask, phpredis, redis_layout::RefreshRule, tower_sessions};

/// Whose sessions they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayoutName {
    /// express-session with connect-redis.
    Express,
    /// Django's cache sessions in Redis.
    Django,
    /// Flask-Session in Redis.
    Flask,
    /// PHP's own sessions, kept by phpredis.
    PhpRedis,
    /// tower-sessions with its Redis store.
    TowerSessions,
    /// Any other: the settings say what the cookie and the key are.
    Custom,
}

impl LayoutName {
    const ALL: [Self; 6] =
        [Self::Express, Self::Django, Self::Flask, Self::PhpRedis, Self::TowerSessions, Self::Custom];

    /// What the framework does unless it is configured otherwise.
    pub(super) fn preset(self) -> Option<Preset> {
        match self {
            Self::Express => Some(express::PRESET),
            Self::Django => Some(django::PRESET),
            Self::Flask => Some(flask::PRESET),
            Self::PhpRedis => Some(phpredis::PRESET),
            Self::TowerSessions => Some(tower_sessions::PRESET),
            Self::Custom => None,
        }
    }

    /// Whether the framework may have made this id.
    pub(super) fn has_id(self, id: &str) -> bool {
        match self {
            Self::TowerSessions => tower_sessions::is_id(id),
            // Django takes shorter ones for none.
            Self::Django => id.len() >= 8,
            Self::Express | Self::Flask | Self::PhpRedis | Self::Custom => true,
        }
    }
}

impl fmt::Display for LayoutName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Express => "express",
            Self::Django => "django",
            Self::Flask => "flask",
            Self::PhpRedis => "phpredis",
            Self::TowerSessions => "tower-sessions",
            Self::Custom => "custom",
        })
    }
}

impl FromStr for LayoutName {
    type Err = UnknownLayout;

    fn from_str(text: &str) -> Result<Self, UnknownLayout> {
        Self::ALL.into_iter().find(|layout| layout.to_string() == text).ok_or(UnknownLayout)
    }
}

/// There is no layout of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("express, django, flask, phpredis, tower-sessions or custom")]
pub struct UnknownLayout;

/// A layout as its framework has it by default. All but the rules can be set otherwise.
pub(super) struct Preset {
    pub(super) cookie: &'static str,
    pub(super) choice: Choice,
    pub(super) signature: CookieSignature,
    /// A [`KeyTemplate`](super::KeyTemplate).
    pub(super) key: &'static str,
    pub(super) rule: RefreshRule,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_is_found_by_its_name_and_named_in_the_error() {
        for layout in LayoutName::ALL {
            assert_eq!(layout.to_string().parse(), Ok(layout));
            assert!(UnknownLayout.to_string().contains(&layout.to_string()));
        }
        for text in ["", "Express", "laravel"] {
            assert_eq!(text.parse::<LayoutName>(), Err(UnknownLayout), "{text}");
        }
    }
}
