"""What starts scenarios when something happens in the world.

One thread looks, again and again: at the files of a data source, at the rows of a query, at the runs of another
scenario, at approvals. What has changed since the last look starts a run of a Prefect deployment; what was seen is kept
once Prefect has taken the run, and the run has a key made of what was seen. So a watcher that dies in between starts the
same run again, which Prefect knows already: no change is lost, and none starts two runs.
"""
