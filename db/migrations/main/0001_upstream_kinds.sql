CREATE TABLE `model_alias` (
	`alias` text PRIMARY KEY NOT NULL,
	`model_id` text NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (length(alias) > 0 AND instr(alias, '*') IN (0, length(alias))),
	FOREIGN KEY (model_id) REFERENCES model (id) ON DELETE CASCADE
) STRICT;
--> statement-breakpoint
CREATE TABLE `model_policy` (
	`customer_id` text PRIMARY KEY NOT NULL,
	`mode` text NOT NULL,
	`model_id` text,
	`updated_at` integer NOT NULL,
	CHECK (mode IN ('as-requested', 'budget', 'chosen')),
	CHECK ((mode = 'chosen') = (model_id IS NOT NULL)),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT;
--> statement-breakpoint
ALTER TABLE `metered_request` ADD `notes` text CHECK (notes IS NULL OR (json_valid(notes) AND json_type(notes) = 'array'));--> statement-breakpoint
ALTER TABLE `model` ADD `budget_model_id` text REFERENCES model (id) ON DELETE SET NULL CHECK (budget_model_id IS NULL OR budget_model_id <> id);--> statement-breakpoint
ALTER TABLE `route` ADD `is_vip_only` integer DEFAULT 0 NOT NULL CHECK (is_vip_only IN (0, 1));--> statement-breakpoint
ALTER TABLE `upstream` ADD `quirks` text DEFAULT '[]' NOT NULL CHECK (json_valid(quirks) AND json_type(quirks) = 'array');--> statement-breakpoint
ALTER TABLE `upstream` ADD `tool_name_length` integer DEFAULT 64 NOT NULL CHECK (tool_name_length BETWEEN 16 AND 256);--> statement-breakpoint
ALTER TABLE `upstream` ADD `max_concurrency` integer CHECK (max_concurrency IS NULL OR max_concurrency > 0);--> statement-breakpoint
-- Upstreams of the environment whose protocol was not spoken until now: they had no routes and could serve nothing.
-- The next start adds them anew, with their quirks and routes. A disabled one is the operator's decision and stays.
DELETE FROM `upstream` WHERE key_env IS NOT NULL AND is_enabled = 1 AND protocol IN ('openai-chat', 'anthropic-messages')
	AND NOT EXISTS (SELECT 1 FROM route WHERE route.upstream_id = upstream.id);--> statement-breakpoint
INSERT INTO `change_count` (`topic`, `version`) VALUES ('policy', 0);--> statement-breakpoint
CREATE TRIGGER `model_alias_counts_insert` AFTER INSERT ON `model_alias` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `model_alias_counts_update` AFTER UPDATE ON `model_alias` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `model_alias_counts_delete` AFTER DELETE ON `model_alias` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'catalog';
END;--> statement-breakpoint
CREATE TRIGGER `model_policy_counts_insert` AFTER INSERT ON `model_policy` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'policy';
END;--> statement-breakpoint
CREATE TRIGGER `model_policy_counts_update` AFTER UPDATE ON `model_policy` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'policy';
END;--> statement-breakpoint
CREATE TRIGGER `model_policy_counts_delete` AFTER DELETE ON `model_policy` BEGIN
	UPDATE `change_count` SET version = version + 1 WHERE topic = 'policy';
END;
