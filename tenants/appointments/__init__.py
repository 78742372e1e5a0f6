"""Appointments: a patient's claim on a slot, from the hold to the visit or the refund. 预约"""

from tenants.appointments.commands import begin_visit, end_visit, refer_offline
from tenants.appointments.errors import AdviceOnlyNotAccepted, NotYourAppointment, SlotTaken, TooEarly
from tenants.appointments.events import AppointmentBooked, AppointmentCancelled
from tenants.appointments.models import ORDER_TYPE, Appointment
from tenants.appointments.queries import appointment

__all__ = [
    "ORDER_TYPE",
    "AdviceOnlyNotAccepted",
    "Appointment",
    "AppointmentBooked",
    "AppointmentCancelled",
    "NotYourAppointment",
    "SlotTaken",
    "TooEarly",
    "appointment",
    "begin_visit",
    "end_visit",
    "refer_offline",
]
