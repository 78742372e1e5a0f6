"""Alembic's entry: migrations run as tandem_owner, each in its own transaction, under short lock timeouts."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from tandem.kernel.database import Base

LOCK_TIMEOUT = "1s"


def run() -> None:
    url = context.config.attributes.get("url") or context.config.get_main_option("sqlalchemy.url")
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        # A cluster that has changed shards side by side refuses a function in the same transaction: one after the
        # other, it takes both. One machine does not know the word and lets it pass.
        connection.execute(text("SET citus.multi_shard_modify_mode = 'sequential'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
