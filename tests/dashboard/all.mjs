// All tests on a mock, in one process: one browser, several pages at a time.

import "./behaviour.test.mjs";
import "./views.test.mjs";
