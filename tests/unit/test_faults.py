"""The faults of make faults still fit the code, and name tests that exist; whether those notice is for it to say."""

import pytest

from faults.places import ROOT, read
from faults.planted import Fault, faults


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.name)
def test_a_fault_fits(fault: Fault) -> None:
    try:
        planted = fault.planted()
    except ValueError as error:
        pytest.fail(f"tests/faults/{fault.name}.toml: {error}")
    assert planted
    for file, text in planted.items():
        assert text != read(file)


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.name)
def test_a_fault_names_its_promise_and_tests_that_exist(fault: Fault) -> None:
    assert fault.promise.endswith(")"), "ends with the section that says so, as (3.3)"
    assert fault.tests
    for test in fault.tests:
        file, *_, function = test.partition("[")[0].split("::")
        assert f"def {function}(" in (ROOT / file).read_text()
