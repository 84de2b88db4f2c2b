"""The worker process: connects to the frontend, loads one model and serves it.

Private; what handlers use is in ``ts.context`` and ``ts.handler_utils.utils``. Importing this
package, or ``ts._worker.main``, imports neither torch nor numpy.
"""

from __future__ import annotations
