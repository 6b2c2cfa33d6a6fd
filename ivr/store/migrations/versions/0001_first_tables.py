"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_misses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account_misses"),
        sa.UniqueConstraint("key", name="uq_account_misses_key"),
    )
    op.create_index(
        "ix_account_misses_company_number_at",
        "account_misses",
        ["company", "number", "at"],
        unique=False,
    )
    op.create_table(
        "companies",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_companies"),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_call_id", "events", ["call", "id"], unique=False)
    op.create_index("ix_events_company_at", "events", ["company", "at"], unique=False)
    op.create_table(
        "preferences",
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("company", "number", name="pk_preferences"),
    )
    op.create_table(
        "receipts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_receipts"),
        sa.UniqueConstraint("key", name="uq_receipts_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("settlement", sa.String(), nullable=False),
        sa.Column("street", sa.String(), nullable=False),
        sa.Column("house", sa.String(), nullable=False),
        sa.Column("permitted_kw", sa.Integer(), nullable=True),
        sa.Column("schedule_queue", sa.String(), nullable=True),
        sa.Column("substation", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["company"], ["companies.id"], name="fk_accounts_company"),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("company", "number", name="uq_accounts_company_number"),
    )
    op.create_table(
        "aliases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_aliases_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_aliases"),
        sa.UniqueConstraint(
            "company", "alias", "account_id", name="uq_aliases_company_alias_account_id"
        ),
    )
    op.create_index("ix_aliases_account_id", "aliases", ["account_id"], unique=False)
    op.create_table(
        "contacts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("proved", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_contacts_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.UniqueConstraint(
            "company", "number", "account_id", name="uq_contacts_company_number_account_id"
        ),
    )
    op.create_index("ix_contacts_account_id", "contacts", ["account_id"], unique=False)
    op.create_table(
        "meters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("digits", sa.Integer(), nullable=False),
        sa.Column("remote", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_meters_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_meters"),
    )
    op.create_index("ix_meters_account_id", "meters", ["account_id"], unique=False)
    op.create_index("ix_meters_number", "meters", ["number"], unique=False)
    op.create_table(
        "tickets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("receipt_id", sa.Integer(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("caller_number", sa.String(), nullable=True),
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_tickets_account_id"),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name="fk_tickets_receipt_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tickets"),
        sa.UniqueConstraint("key", name="uq_tickets_key"),
    )
    op.create_index("ix_tickets_account_id", "tickets", ["account_id"], unique=False)
    op.create_index("ix_tickets_company_state", "tickets", ["company", "state"], unique=False)
    op.create_table(
        "registers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("meter_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("previous_on", sa.Date(), nullable=False),
        sa.Column("per_day", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["meter_id"], ["meters.id"], name="fk_registers_meter_id"),
        sa.PrimaryKeyConstraint("id", name="pk_registers"),
        sa.UniqueConstraint("meter_id", "name", name="uq_registers_meter_id_name"),
    )
    op.create_table(
        "readings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("register_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("caller_number", sa.String(), nullable=True),
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("receipt_id", sa.Integer(), nullable=True),
        sa.Column("replaces_id", sa.Integer(), nullable=True),
        sa.Column("tries", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_readings_account_id"),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipts.id"], name="fk_readings_receipt_id"),
        sa.ForeignKeyConstraint(["register_id"], ["registers.id"], name="fk_readings_register_id"),
        sa.ForeignKeyConstraint(["replaces_id"], ["readings.id"], name="fk_readings_replaces_id"),
        sa.PrimaryKeyConstraint("id", name="pk_readings"),
        sa.UniqueConstraint("key", name="uq_readings_key"),
    )
    op.create_index(
        "ix_readings_account_id_as_of", "readings", ["account_id", "as_of"], unique=False
    )
    op.create_index(
        "ix_readings_caller_number_state", "readings", ["caller_number", "state"], unique=False
    )
    op.create_index(
        "ix_readings_company_stored_at", "readings", ["company", "stored_at"], unique=False
    )
    op.create_index("ix_readings_register_id", "readings", ["register_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_readings_register_id", table_name="readings")
    op.drop_index("ix_readings_company_stored_at", table_name="readings")
    op.drop_index("ix_readings_caller_number_state", table_name="readings")
    op.drop_index("ix_readings_account_id_as_of", table_name="readings")
    op.drop_table("readings")
    op.drop_table("registers")
    op.drop_index("ix_tickets_company_state", table_name="tickets")
    op.drop_index("ix_tickets_account_id", table_name="tickets")
    op.drop_table("tickets")
    op.drop_index("ix_meters_number", table_name="meters")
    op.drop_index("ix_meters_account_id", table_name="meters")
    op.drop_table("meters")
    op.drop_index("ix_contacts_account_id", table_name="contacts")
    op.drop_table("contacts")
    op.drop_index("ix_aliases_account_id", table_name="aliases")
    op.drop_table("aliases")
    op.drop_table("accounts")
    op.drop_table("receipts")
    op.drop_table("preferences")
    op.drop_index("ix_events_company_at", table_name="events")
    op.drop_index("ix_events_call_id", table_name="events")
    op.drop_table("events")
    op.drop_table("companies")
    op.drop_index("ix_account_misses_company_number_at", table_name="account_misses")
    op.drop_table("account_misses")
