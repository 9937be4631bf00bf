"""The starting: command line, servers, schedules and projects."""
