-- Whether the error of an execution has a stack, so that a list can name it without a look at the log. Rows that are there
-- learn it when they are folded again: with their next event, or by `execledger rebuild`.
ALTER TABLE execledger.executions ADD COLUMN has_stack boolean NOT NULL DEFAULT false;
