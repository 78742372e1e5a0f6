"""The roof of three houses.

    b2b        employers: packages, contracts, rosters            b2b stands on tenants,
    tenants    hospitals: licences, services, bookings, care      tenants stand on tandem,
    tandem     the operator's platform: accounts, money, kernel   and nothing below knows what is above.

gunicorn, the workers and the command line all enter here: `wsgi:app`.
"""

import b2b.wiring
import tandem.wiring
import tenants.wiring
from tandem.app import create_app
from tandem.kernel.settings import Settings

app = create_app(Settings.load(), houses=[tandem.wiring, tenants.wiring, b2b.wiring])
