from ftlab.publish.bundle.redaction import Redaction, find_paths


def test_paths_and_hosts_are_left_out_of_settings_and_pages() -> None:
    redaction = Redaction(frozenset({"/home/ann/sets", "/home/ann/sets/flowers"}), frozenset({"node7"}))
    files = {
        "spec/a.yaml": b"root: /home/ann/sets/flowers\nlist: /home/ann/sets",
        "report.html": b"<td>node7</td> node70 node7.lan my-node7",
        "table.csv": b"node7",
        "figure.png": b"\x89\xff",
    }
    assert redaction.apply(files) == {
        "spec/a.yaml": b"root: flowers\nlist: sets",
        "report.html": b"<td>(host left out)</td> node70 (host left out).lan my-node7",
        "table.csv": b"node7",
        "figure.png": b"\x89\xff",
    }


def test_only_absolute_paths_of_data_tell_of_a_machine() -> None:
    settings = [{"data.root": "/d/flowers", "data.class_list": None}, {"data.root": "flowers", "model.head": "/mlp"}]
    assert find_paths(settings) == {"/d/flowers"}
