"""Each line that ends in `# wrong` is an error to every checker, and no other is."""

import streaminstr
import streaminstr.testing
from streaminstr import Nonsense  # wrong
from streaminstr.testing import MoreNonsense  # wrong
from streaminstr.types import EvenMore  # wrong

streaminstr.strem  # wrong
streaminstr.testing.RecordingBackand  # wrong
streaminstr.attributes.OUTCOMES  # wrong
