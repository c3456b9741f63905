-- Wakes those who follow the feed. They look anyway, a moment later: this waits for no disk.
SELECT set_config('synchronous_commit', 'off', true), pg_notify('execledger_changes', '')
