"""Every function in one call."""

from functions import check_all
from parties import compute


def run(function, data, parameters):
    # The client's users leave `parameters` out where they have none.
    more = {"parameters": parameters} if parameters else {}
    return compute(function, data, **more)


check_all(run)
