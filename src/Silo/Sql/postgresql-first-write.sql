-- Run once, after Orleans' own PostgreSQL scripts (docs/clustering.md). Running it again does no harm.
--
-- Orleans' table of grain states has no unique key, and its first write of a state asks "is there a row yet?" before it
-- inserts. Two silos that ask at the same time both hear no, and there are two rows: two controllers of one topic, both
-- content. Here the first writers of one state queue up, the second one finds the row and inserts nothing, and Orleans
-- tells it what it tells any late writer: InconsistentStateException. The unique index is what holds if the trigger is
-- ever lost.

BEGIN;

CREATE UNIQUE INDEX IF NOT EXISTS orleans_kafka_one_row_per_state ON orleansstorage
    (serviceid, graintypestring, grainidn0, grainidn1, (COALESCE(grainidextensionstring, '')));

CREATE OR REPLACE FUNCTION orleans_kafka_first_write() RETURNS trigger LANGUAGE plpgsql AS
$body$
BEGIN
    -- Held until the transaction ends, so whoever waits here sees the row of whoever was first.
    PERFORM pg_advisory_xact_lock(NEW.grainidhash, NEW.graintypehash);

    IF EXISTS
    (
        SELECT FROM orleansstorage
        WHERE serviceid = NEW.serviceid
            AND graintypestring = NEW.graintypestring
            AND grainidn0 = NEW.grainidn0
            AND grainidn1 = NEW.grainidn1
            AND COALESCE(grainidextensionstring, '') = COALESCE(NEW.grainidextensionstring, '')
    )
    THEN
        RETURN NULL;
    END IF;

    RETURN NEW;
END
$body$;

DROP TRIGGER IF EXISTS orleans_kafka_first_write ON orleansstorage;
CREATE TRIGGER orleans_kafka_first_write BEFORE INSERT ON orleansstorage
    FOR EACH ROW EXECUTE FUNCTION orleans_kafka_first_write();

COMMIT;
