"""An application that fails to load, in a line that HTML would take for its own."""

from __future__ import annotations

raise RuntimeError("</pre><script>alert('été')</script> & \N{SNOWMAN}")
