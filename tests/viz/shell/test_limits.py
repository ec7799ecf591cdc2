"""What a link may set a trait to is what the trait allows."""

import traitlets as t

from decodelib.viz.shell.limits import limit_of


def test_limits_say_what_traits_say():
    assert limit_of(t.Int(0, min=0, max=9)) == {"type": "integer", "min": 0, "max": 9}
    assert limit_of(t.Float(1.0)) == {"type": "number"}
    assert limit_of(t.Float(None, allow_none=True, max=2)) == {
        "type": "number",
        "max": 2,
        "nullable": True,
    }
    assert limit_of(t.Bool()) == {"type": "choice", "choices": [False, True]}
    assert limit_of(t.Enum(["a", "b"])) == {"type": "choice", "choices": ["a", "b"]}
    assert limit_of(t.Unicode()) == {"type": "string"}
    assert limit_of(t.List()) is None
