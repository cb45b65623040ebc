#[test]
fn stock() {
    let shelves: Option<u32> = None;
    shelves.expect("the warehouse is closed");
}
