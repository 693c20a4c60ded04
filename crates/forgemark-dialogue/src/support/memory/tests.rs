use super::*;

#[test]
fn a_text_is_read_once_and_another_one_never_stands_for_it() {
    let memory = Memory::new(1);
    let text = "The pump holds 40 litres. It never leaks.";
    let first = memory.read(text);
    assert!(Arc::ptr_eq(&first, &memory.read(&String::from(text))));
    // All in one set: only the text tells them apart.
    let other = memory.read("The pump holds 50 litres. It never leaks.");
    assert!(!Arc::ptr_eq(&first, &other));
    assert_ne!(first.words[2].hash, other.words[2].hash);
}

#[test]
fn the_one_asked_for_longest_ago_makes_room() {
    let memory = Memory::new(1);
    let text = |n: usize| format!("Lever {n} moves the pump.");
    let readings: Vec<_> = (0..WAYS).map(|n| memory.read(&text(n))).collect();
    assert!(Arc::ptr_eq(&readings[0], &memory.read(&text(0))));
    memory.read(&text(WAYS));
    assert_eq!(lock(&memory.sets[0]).len(), WAYS);
    assert!(Arc::ptr_eq(&readings[0], &memory.read(&text(0))));
    assert!(!Arc::ptr_eq(&readings[1], &memory.read(&text(1))));
}

#[test]
fn long_passages_are_not_kept() {
    let memory = Memory::new(1);
    let text = "The pump holds 40 litres. ".repeat(LONGEST / 20);
    assert!(!Arc::ptr_eq(&memory.read(&text), &memory.read(&text)));
    assert!(lock(&memory.sets[0]).is_empty());
}

#[test]
fn threads_share_it() {
    let memory = Memory::new(2);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let memory = &memory;
            scope.spawn(move || {
                for n in 0..200 {
                    let text = format!("Lever {} moves the pump {n} times.", (n + thread) % 7);
                    let read = memory.read(&text);
                    let anew = Reading::new(&text);
                    assert_eq!(format!("{read:?}"), format!("{anew:?}"));
                }
            });
        }
    });
}
