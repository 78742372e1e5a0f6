"""What the operator watches over: the audit trail, jobs that were given up, and the clock of a test platform."""
