"""The hospitals' house: licences, people, services, bookings and care. 医院端"""
