CREATE TABLE `admin_key` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`hint` text NOT NULL,
	`token_hash` text NOT NULL,
	`revoked_at` integer,
	`created_at` integer NOT NULL
) STRICT;
--> statement-breakpoint
CREATE UNIQUE INDEX `admin_key_token_hash_unique` ON `admin_key` (`token_hash`);--> statement-breakpoint
CREATE TABLE `api_key` (
	`id` text PRIMARY KEY NOT NULL,
	`customer_id` text NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`hint` text NOT NULL,
	`token_hash` text NOT NULL,
	`sealed_token` text,
	`models` text,
	`expires_at` integer,
	`revoked_at` integer,
	`created_at` integer NOT NULL,
	CHECK (kind IN ('system', 'user')),
	CHECK ((kind = 'system') = (sealed_token IS NOT NULL)),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT;
--> statement-breakpoint
CREATE UNIQUE INDEX `api_key_token_hash_unique` ON `api_key` (`token_hash`);--> statement-breakpoint
CREATE TABLE `change_count` (
	`topic` text PRIMARY KEY NOT NULL,
	`version` integer NOT NULL
) STRICT;
--> statement-breakpoint
CREATE TABLE `customer` (
	`id` text PRIMARY KEY NOT NULL,
	`email` text NOT NULL,
	`password_hash` text NOT NULL,
	`status` text NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (status IN ('active', 'suspended')),
	CHECK (email = lower(email))
) STRICT;
--> statement-breakpoint
CREATE UNIQUE INDEX `customer_email_unique` ON `customer` (`email`);--> statement-breakpoint
CREATE TABLE `ledger_account` (
	`id` text PRIMARY KEY NOT NULL,
	`customer_id` text NOT NULL,
	`kind` text NOT NULL,
	`ledger` text NOT NULL,
	`balance_nanos` integer NOT NULL,
	`floor_nanos` integer NOT NULL,
	`is_frozen` integer NOT NULL,
	CHECK (balance_nanos >= floor_nanos),
	CHECK (abs(balance_nanos) <= 9000000000000000),
	CHECK (kind IN ('token', 'token_held', 'cash', 'cash_debt', 'referral_pending')),
	CHECK (ledger IN ('token', 'cash')),
	CHECK (is_frozen IN (0, 1)),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `ledger_transfer` (
	`id` text PRIMARY KEY NOT NULL,
	`group_id` text NOT NULL,
	`kind` text NOT NULL,
	`ledger` text NOT NULL,
	`from_account` text NOT NULL,
	`to_account` text NOT NULL,
	`amount_nanos` integer NOT NULL,
	`ref` text NOT NULL,
	`actor` text NOT NULL,
	`event_at` integer NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (amount_nanos > 0 AND amount_nanos <= 9000000000000000),
	CHECK (from_account <> to_account),
	CHECK (ledger IN ('token', 'cash')),
	CHECK (length(id) > 0)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `metered_request` (
	`id` text NOT NULL,
	`customer_id` text NOT NULL,
	`key_id` text NOT NULL,
	`boot_id` text NOT NULL,
	`state` text NOT NULL,
	`endpoint` text NOT NULL,
	`is_streamed` integer NOT NULL,
	`model_asked` text NOT NULL,
	`model_served` text NOT NULL,
	`rate_card_id` text NOT NULL,
	`tier_asked` text NOT NULL,
	`tier_served` text,
	`route_id` text,
	`upstream_id` text,
	`upstream_model` text,
	`attempts` text,
	`held_nanos` integer NOT NULL,
	`hold_count` integer NOT NULL,
	`estimated_input_tokens` integer NOT NULL,
	`checkpoint_output_tokens` integer NOT NULL,
	`input_tokens` integer,
	`cache_read_tokens` integer,
	`cache_write_5m_tokens` integer,
	`cache_write_1h_tokens` integer,
	`output_tokens` integer,
	`reasoning_tokens` integer,
	`web_search_count` integer,
	`usage_source` text,
	`usage_flag` text,
	`cost_nanos` integer,
	`charged_nanos` integer,
	`loss_nanos` integer,
	`end_reason` text,
	`first_output_ms` integer,
	`duration_ms` integer,
	`started_at` integer NOT NULL,
	`ended_at` integer,
	CHECK (state IN ('open', 'settled', 'released')),
	CHECK (held_nanos >= 0 AND hold_count >= 0),
	CHECK (state = 'open' OR (held_nanos = 0 AND ended_at IS NOT NULL AND cost_nanos IS NOT NULL AND charged_nanos IS NOT NULL AND loss_nanos IS NOT NULL)),
	CHECK (state = 'open' OR cost_nanos = charged_nanos + loss_nanos),
	CHECK (state <> 'released' OR cost_nanos = 0),
	CHECK (usage_source IS NULL OR usage_source IN ('reported', 'estimated', 'none')),
	PRIMARY KEY (customer_id, id)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `model` (
	`id` text PRIMARY KEY NOT NULL,
	`label` text NOT NULL,
	`description` text NOT NULL,
	`owned_by` text NOT NULL,
	`context_window_tokens` integer NOT NULL,
	`max_output_tokens` integer NOT NULL,
	`reasoning_efforts` text NOT NULL,
	`input_modalities` text NOT NULL,
	`priority` integer NOT NULL,
	`is_enabled` integer NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (is_enabled IN (0, 1)),
	CHECK (context_window_tokens > 0 AND max_output_tokens > 0)
) STRICT;
--> statement-breakpoint
CREATE TABLE `rate_card` (
	`id` text PRIMARY KEY NOT NULL,
	`model_id` text NOT NULL,
	`version` integer NOT NULL,
	`input_rate` integer NOT NULL,
	`cache_read_rate` integer NOT NULL,
	`cache_write_5m_rate` integer NOT NULL,
	`cache_write_1h_rate` integer NOT NULL,
	`output_rate` integer NOT NULL,
	`web_search_rate` integer NOT NULL,
	`tier_multipliers` text NOT NULL,
	`source` text NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (version >= 1),
	CHECK (min(input_rate, cache_read_rate, cache_write_5m_rate, cache_write_1h_rate, output_rate, web_search_rate) >= 0),
	UNIQUE (model_id, version)
) STRICT;
--> statement-breakpoint
CREATE TABLE `route` (
	`id` text PRIMARY KEY NOT NULL,
	`model_id` text NOT NULL,
	`upstream_id` text NOT NULL,
	`upstream_model` text NOT NULL,
	`tier` integer NOT NULL,
	`weight` integer NOT NULL,
	`is_enabled` integer NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (weight > 0 AND tier >= 0),
	CHECK (is_enabled IN (0, 1)),
	UNIQUE (model_id, upstream_id, upstream_model),
	FOREIGN KEY (model_id) REFERENCES model (id) ON DELETE CASCADE,
	FOREIGN KEY (upstream_id) REFERENCES upstream (id) ON DELETE CASCADE
) STRICT;
--> statement-breakpoint
CREATE TABLE `setting` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
) STRICT;
--> statement-breakpoint
CREATE TABLE `upstream` (
	`id` text PRIMARY KEY NOT NULL,
	`protocol` text NOT NULL,
	`base_url` text NOT NULL,
	`key_env` text,
	`sealed_key` text,
	`is_enabled` integer NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (is_enabled IN (0, 1)),
	CHECK (key_env IS NULL OR sealed_key IS NULL)
) STRICT;--> statement-breakpoint
CREATE UNIQUE INDEX `api_key_one_system_token` ON `api_key` (`customer_id`) WHERE kind = 'system' AND revoked_at IS NULL;--> statement-breakpoint
CREATE INDEX `api_key_by_customer` ON `api_key` (`customer_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `metered_request_open` ON `metered_request` (`id`) WHERE state = 'open';--> statement-breakpoint
CREATE UNIQUE INDEX `ledger_account_by_customer` ON `ledger_account` (`customer_id`, `kind`);--> statement-breakpoint
CREATE TRIGGER `ledger_transfer_no_update` BEFORE UPDATE ON `ledger_transfer` BEGIN
	SELECT RAISE(ABORT, 'ledger_transfer is append-only: post a correcting transfer');
END;--> statement-breakpoint
CREATE TRIGGER `ledger_transfer_no_delete` BEFORE DELETE ON `ledger_transfer` BEGIN
	SELECT RAISE(ABORT, 'ledger_transfer is append-only: post a correcting transfer');
END;--> statement-breakpoint
CREATE TRIGGER `rate_card_no_update` BEFORE UPDATE ON `rate_card` BEGIN
	SELECT RAISE(ABORT, 'rate_card is append-only: add a version');
END;--> statement-breakpoint
CREATE TRIGGER `rate_card_no_delete` BEFORE DELETE ON `rate_card` BEGIN
	SELECT RAISE(ABORT, 'rate_card is append-only: add a version');
END;--> statement-breakpoint
CREATE TRIGGER `metered_request_ends_once` BEFORE UPDATE ON `metered_request` WHEN OLD.state <> 'open' BEGIN
	SELECT RAISE(ABORT, 'a metered request ends once');
END;--> statement-breakpoint
CREATE TRIGGER `metered_request_no_delete` BEFORE DELETE ON `metered_request` BEGIN
	SELECT RAISE(ABORT, 'metered_request is a book of receipts: nothing is deleted');
END;--> statement-breakpoint
INSERT INTO `change_count` (`topic`, `version`) VALUES ('catalog', 0), ('auth', 0);--> statement-breakpoint
CREATE TRIGGER `model_counts_insert` AFTER INSERT ON `model` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `model_counts_update` AFTER UPDATE ON `model` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `model_counts_delete` AFTER DELETE ON `model` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `upstream_counts_insert` AFTER INSERT ON `upstream` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `upstream_counts_update` AFTER UPDATE ON `upstream` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `upstream_counts_delete` AFTER DELETE ON `upstream` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `route_counts_insert` AFTER INSERT ON `route` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `route_counts_update` AFTER UPDATE ON `route` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `route_counts_delete` AFTER DELETE ON `route` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `rate_card_counts_insert` AFTER INSERT ON `rate_card` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `rate_card_counts_update` AFTER UPDATE ON `rate_card` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `rate_card_counts_delete` AFTER DELETE ON `rate_card` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `customer_counts_insert` AFTER INSERT ON `customer` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'auth';
END;--> statement-breakpoint
CREATE TRIGGER `customer_counts_update` AFTER UPDATE ON `customer` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'auth';
END;--> statement-breakpoint
CREATE TRIGGER `customer_counts_delete` AFTER DELETE ON `customer` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'auth';
END;--> statement-breakpoint
CREATE TRIGGER `api_key_counts_insert` AFTER INSERT ON `api_key` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'auth';
END;--> statement-breakpoint
CREATE TRIGGER `api_key_counts_update` AFTER UPDATE ON `api_key` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'auth';
END;--> statement-breakpoint
CREATE TRIGGER `api_key_counts_delete` AFTER DELETE ON `api_key` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'auth';
END;--> statement-breakpoint
CREATE TRIGGER `admin_key_counts_insert` AFTER INSERT ON `admin_key` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'auth';
END;--> statement-breakpoint
CREATE TRIGGER `admin_key_counts_update` AFTER UPDATE ON `admin_key` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'auth';
END;--> statement-breakpoint
CREATE TRIGGER `admin_key_counts_delete` AFTER DELETE ON `admin_key` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'auth';
END;
