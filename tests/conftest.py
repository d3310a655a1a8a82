"""What every test shares: how Hypothesis looks for examples."""

from hypothesis import settings

# No deadline: how long an example takes says how busy the machine is. A failure of the machine that
# found it is repeated elsewhere by the blob that it prints.
settings.register_profile("suite", deadline=None, print_blob=True, derandomize=False)
settings.load_profile("suite")
