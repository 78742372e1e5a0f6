"""This house's table of contents: its views, what happens when something has happened, and what happens when."""

from collections.abc import Sequence
from typing import Any

from tandem.accounts import OrganizationRenamed, OrganizationSuspended, OrganizationWentLive
from tandem.billing.payments import PaymentSucceeded
from tandem.kernel.http import Api
from tandem.kernel.jobs import Cron, Job
from tandem.kernel.outbox import Event
from tenants.appointments import api as appointments_api
from tenants.appointments.jobs import cancel_for_leave, confirm_appointment, release_expired_holds
from tenants.encounters import api as encounters_api
from tenants.healthcare_services import ServicePublished, ServiceRetired, ServiceRevised
from tenants.healthcare_services import api as services_api
from tenants.healthcare_services.jobs import refresh_directory
from tenants.hospitals import LicenceLapsed, LicenceVerified, ProfileChanged
from tenants.hospitals import api as hospitals_api
from tenants.hospitals.jobs import expire_licences_by_date
from tenants.patients import api as patients_api
from tenants.practitioners import PractitionerCleared, PractitionerStopped
from tenants.practitioners import api as practitioners_api
from tenants.schedules import LeaveTaken, follow_practitioner
from tenants.schedules import api as schedules_api

APIS: Sequence[Api] = [
    hospitals_api.profile,
    hospitals_api.licences,
    hospitals_api.departments,
    hospitals_api.hospital_licences,
    hospitals_api.specialties,
    practitioners_api.api,
    services_api.api,
    patients_api.own,
    patients_api.desk,
    patients_api.consent_texts,
    *schedules_api.APIS,
    *appointments_api.APIS,
    *encounters_api.APIS,
]
BLUEPRINTS: Sequence[Any] = []
SUBSCRIPTIONS: dict[type[Event], Sequence[Job[Any]]] = {
    OrganizationWentLive: [refresh_directory],
    OrganizationSuspended: [refresh_directory],
    OrganizationRenamed: [refresh_directory],
    LicenceVerified: [refresh_directory],
    LicenceLapsed: [refresh_directory],
    ProfileChanged: [refresh_directory],
    PractitionerCleared: [refresh_directory, follow_practitioner],
    PractitionerStopped: [refresh_directory, follow_practitioner],
    ServicePublished: [refresh_directory],
    ServiceRetired: [refresh_directory],
    ServiceRevised: [refresh_directory],
    PaymentSucceeded: [confirm_appointment],
    LeaveTaken: [cancel_for_leave],
}
SCHEDULE: Sequence[Cron] = [
    Cron("5 0 * * *", expire_licences_by_date, each="hospital"),
    # Each booking asks for the sweep of its own minute; this line is for what a dead job left behind.
    Cron("11 * * * *", release_expired_holds, each="hospital"),
]
