-- So that another merge in the same transaction does not take them in once more.
DELETE FROM staged_executions
