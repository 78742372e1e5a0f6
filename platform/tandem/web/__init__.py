"""What people see of the platform itself: the front page, the API's pages, health, and the design they share."""
