use std::collections::BTreeSet;

#[cfg(not(target_arch = "wasm32"))]
use proptest::{collection::vec, prelude::*};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{OTHER, Routes, Sighting, label};
use crate::path::{Normaliser, PathBuffer};

fn note(routes: &mut Routes, method: &str, path: &str, now: u64) -> Option<Sighting> {
    let mut buffer = PathBuffer::default();
    let path = Normaliser::lenient().normalise(path.as_bytes(), &mut buffer).unwrap();
    routes.note(method.as_bytes(), &path, now)
}

/// Notes one GET after the other, a minute apart, and lists the templates that are reported.
fn reported<'p>(routes: &mut Routes, paths: impl IntoIterator<Item = &'p str>) -> Vec<String> {
    let minutes = (0..).step_by(60);
    let sightings = paths.into_iter().zip(minutes).filter_map(|(path, now)| note(routes, "GET", path, now));
    sightings.filter(|sighting| sighting.is_new).map(|sighting| sighting.template).collect()
}

#[test]
fn segments_are_shown_as_the_table_says() {
    let cases: Vec<(String, String)> =
        serde_json::from_str(include_str!("../../testdata/discovery/labels.json")).unwrap();
    for (segment, expected) in cases {
        assert_eq!(label::of(segment.as_bytes()), expected, "{segment:?}");
    }
    assert_eq!(label::of(b"a\xffb"), "{name}");
}

#[test]
fn objects_of_one_route_are_one_line() {
    let mut routes = Routes::new(100);
    let uuids = "/a/0b5b6a5e-8b3c-4c53-9f0f-0123456789ab /a/0b5b6a5e-8b3c-4c53-9f0f-0123456789ac";
    let paths = "/users/1 /users/2/ /users/%31%32/orders/AB-1234 /users/7/orders/XY-9999 / /v1/x?id=3 /v1/x?id=4";
    let found = reported(&mut routes, paths.split(' ').chain(uuids.split(' ')));
    assert_eq!(found, ["/users/{number}", "/users/{number}/orders/{id}", "/", "/v1/x", "/a/{uuid}"]);
    for (method, expected) in [("POST", "POST"), ("GET", ""), ("get", OTHER), ("<script>", ""), ("PATCH", "PATCH")] {
        let found = note(&mut routes, method, "/users/3", 3000);
        assert_eq!(found.filter(|found| found.is_new).map_or("", |found| found.method), expected, "{method}");
    }
}

#[test]
fn a_route_is_reported_at_once_and_then_ever_less_often() {
    let mut routes = Routes::new(10);
    let found: Vec<_> = (1000..30_000).filter_map(|now| Some((now, note(&mut routes, "GET", "/a/1", now)?))).collect();
    let template = "/a/{number}".to_owned();
    assert_eq!(found[0].1, Sighting { method: "GET", template, is_new: true, count: 1 });
    let times: Vec<_> = found.iter().map(|(now, _)| now - 1000).collect();
    assert_eq!(times, [0, 60, 180, 420, 900, 1860, 3780, 7380, 10980, 14580, 18180, 21780, 25380, 28980]);
    let counts: Vec<_> = found.iter().map(|(_, sighting)| sighting.count).collect();
    assert_eq!(counts[..5], [1, 60, 120, 240, 480]);
    assert!(found[1..].iter().all(|(_, sighting)| !sighting.is_new));
    // A clock that was set back.
    assert!(note(&mut routes, "GET", "/a/1", 10).is_some());
    assert!(note(&mut routes, "GET", "/a/1", 11).is_none());
}

#[test]
fn texts_of_one_place_become_a_name() {
    let mut routes = Routes::new(1000);
    let names: Vec<_> = ('a'..='z').map(|letter| format!("/users/{letter}/orders")).collect();
    let found = reported(&mut routes, names.iter().map(String::as_str));
    assert_eq!(found.len(), 17);
    assert_eq!(found[..2], ["/users/a/orders", "/users/b/orders"]);
    assert_eq!(found[16], "/users/{name}/orders");
    // Now the others are names too, and each is one of them.
    assert_eq!(
        reported(&mut routes, ["/users/a", "/users/b", "/users/7", "/users/zoe"]),
        ["/users/{name}", "/users/{number}"]
    );
    // What was not reported before is in the count.
    let mut routes = Routes::new(1000);
    let all: Vec<_> = (0..60).flat_map(|_| &names[..16]).filter_map(|path| note(&mut routes, "GET", path, 0)).collect();
    assert_eq!(all.len(), 16);
}

#[test]
fn what_is_used_often_keeps_its_text() {
    let mut routes = Routes::new(1000);
    for _ in 0..40 {
        note(&mut routes, "GET", "/reports", 0);
    }
    let scan: Vec<_> = ('a'..='z').map(|letter| format!("/{letter}{letter}.php")).collect();
    reported(&mut routes, scan.iter().map(String::as_str));
    assert_eq!(note(&mut routes, "GET", "/reports", 9000).unwrap().template, "/reports");
    assert_eq!(note(&mut routes, "GET", "/aa.php", 9000).unwrap().template, "/{name}");
}

#[test]
fn merged_routes_are_counted_together() {
    let mut routes = Routes::new(1000);
    let names: Vec<_> = ('a'..='q').map(|letter| format!("/users/{letter}")).collect();
    for path in names[..16].iter().chain(&names[..16]) {
        note(&mut routes, "GET", path, 0);
    }
    let found = note(&mut routes, "GET", &names[16], 0).unwrap();
    // One of each that was not told, and this one.
    assert_eq!((found.template.as_str(), found.is_new, found.count), ("/users/{name}", true, 17));
}

#[test]
fn what_finds_no_room_is_counted() {
    let mut routes = Routes::new(4);
    assert_eq!(reported(&mut routes, ["/a/b", "/c/d", "/c", "/x/y", "/z"]), ["/a/b", "{other}"]);
    let mut routes = Routes::new(4);
    assert_eq!(reported(&mut routes, ["/a/b", "/a"]), ["/a/b", "/a"]);
    let found = note(&mut routes, "POST", "/a", 600).unwrap();
    assert_eq!((found.method, found.template.as_str(), found.count), (OTHER, OTHER, 1));
    assert_eq!(note(&mut routes, "GET", "/a/b", 900).unwrap().template, "/a/b");
    assert_eq!(note(&mut Routes::new(0), "GET", "/a", 0).unwrap().template, OTHER);
}

#[test]
fn lines_are_few_and_short() {
    let mut routes = Routes::new(10_000);
    let deep = "/segment".repeat(500);
    let found = note(&mut routes, "GET", &deep, 0).unwrap();
    assert_eq!(found.template, "/segment".repeat(12) + "/**");
    let methods = ["GET", "PUT", "POST", "DELETE"];
    let many = |routes: &mut Routes, now| {
        let paths = ('a'..='p').flat_map(|letter| methods.map(|method| (method, format!("/x/{letter}"))));
        paths.filter_map(|(method, path)| note(routes, method, &path, now)).count()
    };
    assert_eq!(many(&mut routes, 59), 29);
    assert_eq!(many(&mut routes, 60), 30);
    assert_eq!(many(&mut routes, 118), 0);
    // Five that were not told yet, and what is due again.
    assert_eq!(many(&mut routes, 120), 30);
}

/// All labels and methods, counted.
fn places(routes: &Routes) -> usize {
    routes.root.size()
}

#[test]
fn random_paths_stay_few() {
    let mut routes = Routes::new(500);
    let mut state = 1_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut templates = BTreeSet::new();
    for now in 0..20_000 {
        let word =
            |number: u64| (0..8).map(move |at| char::from(b'g' + u8::try_from(number >> (8 * at) & 15).unwrap()));
        let path: String = (0..3).map(|_| "/".to_owned() + &word(random()).collect::<String>()).collect();
        templates.extend(note(&mut routes, "GET", &path, now).map(|found| found.template));
        assert!(places(&routes) <= 501);
    }
    assert!(templates.len() < 300, "{}", templates.len());
    assert!(templates.contains("/{name}/{name}/{name}"));
}

#[cfg(not(target_arch = "wasm32"))]
proptest! {
    #[test]
    fn any_paths_stay_within_their_room(
        paths in vec("(/[a-d0-9A-F@.é%{}*-]{0,12}){0,4}", 1..200),
        capacity in 0_usize..60,
    ) {
        let mut routes = Routes::new(capacity);
        for (path, now) in paths.iter().zip(0..) {
            let mut buffer = PathBuffer::default();
            let Ok(path) = Normaliser::lenient().normalise(path.as_bytes(), &mut buffer) else { continue };
            if let Some(found) = routes.note(b"GET", &path, now) {
                prop_assert!(found.template.bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert!(found.template.len() <= 13 * 65 && found.count > 0);
            }
            // Room and places are kept in step, whatever was merged.
            prop_assert_eq!(places(&routes).saturating_add(routes.room), capacity.saturating_add(1));
        }
    }
}
