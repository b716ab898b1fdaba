use serde::Serialize;

/// One page of a list that is too long to send whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PageOfList {
    /// Which page, from 1.
    pub page: usize,
    /// How many pages there are; a list of nothing has one.
    pub page_count: usize,
    /// Whether a page follows.
    pub has_next: bool,
    /// Whether a page goes before.
    pub has_previous: bool,
    /// How many items a page holds at most.
    pub page_size: usize,
    /// How many items there are on all pages.
    pub item_count: usize,
}

impl PageOfList {
    /// Page `page` of a list of `item_count` items, `page_size` on each page. `None` if there is no such page.
    #[must_use]
    pub fn of(page: usize, page_size: usize, item_count: usize) -> Option<Self> {
        let page_size = page_size.max(1);
        let page_count = item_count.div_ceil(page_size).max(1);
        (1..=page_count).contains(&page).then_some(Self {
            page,
            page_count,
            has_next: page < page_count,
            has_previous: page > 1,
            page_size,
            item_count,
        })
    }

    /// Where the page's items stand in the list.
    #[must_use]
    pub fn range(&self) -> std::ops::Range<usize> {
        let start = (self.page - 1) * self.page_size;
        start..start.saturating_add(self.page_size).min(self.item_count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_page_may_be_short() {
        let last = PageOfList::of(3, 10, 21).unwrap();
        assert_eq!((last.range(), last.has_next, last.has_previous, last.page_count), (20..21, false, true, 3));
        assert_eq!(PageOfList::of(4, 10, 21), None);
        assert_eq!(PageOfList::of(0, 10, 21), None);
    }

    #[test]
    fn a_list_of_nothing_has_one_page() {
        assert_eq!(PageOfList::of(1, 10, 0).unwrap().range(), 0..0);
    }

    proptest! {
        #[test]
        fn the_pages_are_the_list(page_size in 1_usize..50, item_count in 0_usize..500) {
            let mut next = 0;
            for page in 1.. {
                let Some(page) = PageOfList::of(page, page_size, item_count) else { break };
                prop_assert_eq!(page.range().start, next);
                next = page.range().end;
                prop_assert_eq!(page.has_next, next < item_count);
            }
            prop_assert_eq!(next, item_count);
        }

        #[test]
        fn no_number_is_too_large(page: usize, page_size: usize, item_count: usize) {
            let _ = PageOfList::of(page, page_size, item_count).map(|page| page.range());
        }
    }
}
