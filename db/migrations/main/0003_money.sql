CREATE TABLE `auto_topup` (
	`customer_id` text PRIMARY KEY NOT NULL,
	`is_enabled` integer NOT NULL,
	`threshold_nanos` integer NOT NULL,
	`package_id` text NOT NULL,
	`monthly_cap_cents` integer NOT NULL,
	`suspended_for` text,
	`updated_at` integer NOT NULL,
	CHECK (is_enabled IN (0, 1)),
	CHECK (threshold_nanos > 0 AND monthly_cap_cents > 0),
	CHECK (suspended_for IS NULL OR suspended_for IN ('card', 'authentication', 'dispute')),
	FOREIGN KEY (customer_id) REFERENCES customer (id),
	FOREIGN KEY (package_id) REFERENCES package_offer (id)
) STRICT;
--> statement-breakpoint
CREATE TABLE `auto_topup_job` (
	`id` text PRIMARY KEY NOT NULL,
	`customer_id` text NOT NULL,
	`purchase_id` text NOT NULL,
	`state` text NOT NULL,
	`failure` text,
	`created_at` integer NOT NULL,
	`ended_at` integer,
	CHECK (state IN ('claimed', 'paid', 'declined', 'action-required', 'abandoned')),
	CHECK ((state = 'claimed') = (ended_at IS NULL)),
	FOREIGN KEY (customer_id) REFERENCES customer (id),
	FOREIGN KEY (purchase_id) REFERENCES purchase (id)
) STRICT;
--> statement-breakpoint
CREATE UNIQUE INDEX `auto_topup_job_purchase_id_unique` ON `auto_topup_job` (`purchase_id`);--> statement-breakpoint
CREATE TABLE `bonus_code` (
	`code` text PRIMARY KEY NOT NULL,
	`customer_id` text,
	`mailbox_hash` text,
	`source` text NOT NULL,
	`percent` integer NOT NULL,
	`max_bonus_nanos` integer,
	`min_price_cents` integer NOT NULL,
	`max_use_count` integer,
	`max_use_count_per_customer` integer NOT NULL,
	`starts_at` integer NOT NULL,
	`expires_at` integer,
	`is_enabled` integer NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (length(code) >= 4 AND code = upper(code)),
	CHECK (source IN ('operator', 'session')),
	CHECK (percent BETWEEN 1 AND 100),
	CHECK (max_bonus_nanos IS NULL OR max_bonus_nanos > 0),
	CHECK (min_price_cents >= 0),
	CHECK (max_use_count IS NULL OR max_use_count > 0),
	CHECK (max_use_count_per_customer > 0),
	CHECK (expires_at IS NULL OR expires_at > starts_at),
	CHECK (is_enabled IN (0, 1)),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT;
--> statement-breakpoint
CREATE TABLE `code_use` (
	`code` text NOT NULL,
	`customer_id` text NOT NULL,
	`number` integer NOT NULL,
	`purchase_id` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`code`, `customer_id`, `number`),
	CHECK (number > 0),
	FOREIGN KEY (code) REFERENCES bonus_code (code),
	FOREIGN KEY (customer_id) REFERENCES customer (id),
	FOREIGN KEY (purchase_id) REFERENCES purchase (id)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `code_use_purchase_id_unique` ON `code_use` (`purchase_id`);--> statement-breakpoint
CREATE TABLE `email_code` (
	`customer_id` text PRIMARY KEY NOT NULL,
	`email` text NOT NULL,
	`code_hash` text NOT NULL,
	`failure_count` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (failure_count >= 0),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT;
--> statement-breakpoint
CREATE TABLE `email_code_issue` (
	`customer_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`mailbox_hash` text NOT NULL,
	PRIMARY KEY(`customer_id`, `created_at`),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `inbox_message` (
	`id` text PRIMARY KEY NOT NULL,
	`customer_id` text NOT NULL,
	`kind` text NOT NULL,
	`key` text NOT NULL,
	`subject` text NOT NULL,
	`body` text NOT NULL,
	`created_at` integer NOT NULL,
	`read_at` integer,
	CHECK (length(key) > 0),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT;
--> statement-breakpoint
CREATE UNIQUE INDEX `inbox_message_key_unique` ON `inbox_message` (`key`);--> statement-breakpoint
CREATE TABLE `ledger_seal` (
	`day` text PRIMARY KEY NOT NULL,
	`sealed_until` integer NOT NULL,
	`transfer_count` integer NOT NULL,
	`hash` text NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (transfer_count >= 0),
	CHECK (length(hash) = 64)
) STRICT;
--> statement-breakpoint
CREATE TABLE `mail_outbox` (
	`id` text PRIMARY KEY NOT NULL,
	`message_id` text,
	`customer_id` text NOT NULL,
	`recipient` text NOT NULL,
	`subject` text NOT NULL,
	`body` text NOT NULL,
	`state` text NOT NULL,
	`attempt_count` integer NOT NULL,
	`next_attempt_at` integer NOT NULL,
	`boot_id` text,
	`failure` text,
	`created_at` integer NOT NULL,
	`sent_at` integer,
	CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'unknown')),
	CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT;
--> statement-breakpoint
CREATE TABLE `package_offer` (
	`id` text PRIMARY KEY NOT NULL,
	`label` text NOT NULL,
	`price_cents` integer NOT NULL,
	`credit_nanos` integer NOT NULL,
	`vip_days` integer NOT NULL,
	`position` integer NOT NULL,
	`is_enabled` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	CHECK (price_cents BETWEEN 50 AND 99999999),
	CHECK (credit_nanos > 0 AND credit_nanos <= 9000000000000000),
	CHECK (vip_days BETWEEN 0 AND 3660),
	CHECK (is_enabled IN (0, 1))
) STRICT;
--> statement-breakpoint
CREATE TABLE `purchase` (
	`id` text PRIMARY KEY NOT NULL,
	`customer_id` text NOT NULL,
	`kind` text NOT NULL,
	`package_id` text,
	`price_cents` integer NOT NULL,
	`credit_nanos` integer NOT NULL,
	`bonus_nanos` integer NOT NULL,
	`vip_days` integer NOT NULL,
	`code` text,
	`state` text NOT NULL,
	`failure` text,
	`is_live` integer NOT NULL,
	`stripe_session_id` text,
	`stripe_payment_intent` text,
	`card_fingerprint` text,
	`reference` text,
	`created_at` integer NOT NULL,
	`paid_at` integer,
	CHECK (kind IN ('package', 'cash-load', 'auto-topup', 'cash-purchase', 'plan-payment')),
	CHECK (state IN ('open', 'paid', 'expired', 'failed', 'mismatch')),
	CHECK ((state = 'paid') = (paid_at IS NOT NULL)),
	CHECK (price_cents > 0),
	CHECK (credit_nanos >= 0 AND bonus_nanos >= 0),
	CHECK ((kind = 'cash-load') = (credit_nanos = 0)),
	CHECK ((kind = 'plan-payment') = (reference IS NOT NULL)),
	CHECK (is_live IN (0, 1)),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT;
--> statement-breakpoint
CREATE UNIQUE INDEX `purchase_stripe_session_id_unique` ON `purchase` (`stripe_session_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `purchase_stripe_payment_intent_unique` ON `purchase` (`stripe_payment_intent`);--> statement-breakpoint
CREATE UNIQUE INDEX `purchase_reference_unique` ON `purchase` (`reference`);--> statement-breakpoint
CREATE TABLE `reconciliation` (
	`source` text NOT NULL,
	`day` text NOT NULL,
	`compared_count` integer NOT NULL,
	`ours_nanos` integer NOT NULL,
	`theirs_nanos` integer NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`source`, `day`),
	CHECK (compared_count >= 0)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `reconciliation_difference` (
	`id` text PRIMARY KEY NOT NULL,
	`source` text NOT NULL,
	`day` text NOT NULL,
	`ref` text NOT NULL,
	`finding` text NOT NULL,
	`ours_nanos` integer,
	`theirs_nanos` integer,
	`created_at` integer NOT NULL
) STRICT;
--> statement-breakpoint
CREATE TABLE `referral` (
	`customer_id` text PRIMARY KEY NOT NULL,
	`referrer_id` text NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (customer_id <> referrer_id),
	FOREIGN KEY (customer_id) REFERENCES customer (id),
	FOREIGN KEY (referrer_id) REFERENCES customer (id)
) STRICT;
--> statement-breakpoint
CREATE TABLE `referral_code` (
	`customer_id` text PRIMARY KEY NOT NULL,
	`code` text NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (length(code) >= 8),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT;
--> statement-breakpoint
CREATE UNIQUE INDEX `referral_code_code_unique` ON `referral_code` (`code`);--> statement-breakpoint
CREATE TABLE `referral_commission` (
	`purchase_id` text PRIMARY KEY NOT NULL,
	`referrer_id` text NOT NULL,
	`customer_id` text NOT NULL,
	`amount_nanos` integer NOT NULL,
	`reversed_nanos` integer NOT NULL,
	`state` text NOT NULL,
	`refused_for` text,
	`due_at` integer NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (state IN ('pending', 'paid', 'refused')),
	CHECK ((state = 'refused') = (refused_for IS NOT NULL)),
	CHECK (amount_nanos >= 0 AND reversed_nanos BETWEEN 0 AND amount_nanos),
	FOREIGN KEY (purchase_id) REFERENCES purchase (id),
	FOREIGN KEY (referrer_id) REFERENCES customer (id),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT;
--> statement-breakpoint
CREATE TABLE `remembered_answer` (
	`customer_id` text NOT NULL,
	`key` text NOT NULL,
	`endpoint` text NOT NULL,
	`body_hash` text NOT NULL,
	`boot_id` text NOT NULL,
	`status` integer,
	`body` text,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`customer_id`, `key`),
	CHECK (length(key) > 0),
	CHECK ((status IS NULL) = (body IS NULL)),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `reversal` (
	`id` text PRIMARY KEY NOT NULL,
	`purchase_id` text NOT NULL,
	`customer_id` text NOT NULL,
	`kind` text NOT NULL,
	`amount_cents` integer NOT NULL,
	`token_nanos` integer NOT NULL,
	`cash_nanos` integer NOT NULL,
	`debt_nanos` integer NOT NULL,
	`vip_ms` integer NOT NULL,
	`state` text NOT NULL,
	`created_at` integer NOT NULL,
	`returned_at` integer,
	CHECK (kind IN ('refund', 'dispute')),
	CHECK (amount_cents > 0),
	CHECK (min(token_nanos, cash_nanos, debt_nanos) >= 0),
	CHECK (state IN ('taken', 'returned')),
	CHECK ((state = 'returned') = (returned_at IS NOT NULL)),
	FOREIGN KEY (purchase_id) REFERENCES purchase (id),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT;
--> statement-breakpoint
CREATE TABLE `reward_claim` (
	`id` text PRIMARY KEY NOT NULL,
	`customer_id` text NOT NULL,
	`rule` text NOT NULL,
	`slot` text NOT NULL,
	`device_hash` text,
	`card_fingerprint` text,
	`mailbox_hash` text,
	`proof` text,
	`amount_nanos` integer NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (rule IN ('check-in', 'share', 'gumroad')),
	CHECK (amount_nanos > 0),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT;
--> statement-breakpoint
CREATE TABLE `rule` (
	`name` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL,
	`updated_at` integer NOT NULL,
	CHECK (json_valid(value) AND json_type(value) = 'object')
) STRICT;
--> statement-breakpoint
CREATE TABLE `saved_card` (
	`customer_id` text PRIMARY KEY NOT NULL,
	`payment_method_id` text NOT NULL,
	`fingerprint` text NOT NULL,
	`brand` text NOT NULL,
	`last4` text NOT NULL,
	`failure_count` integer NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (failure_count >= 0),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT;
--> statement-breakpoint
CREATE TABLE `stripe_customer` (
	`id` text PRIMARY KEY NOT NULL,
	`customer_id` text NOT NULL,
	`is_live` integer NOT NULL,
	`created_at` integer NOT NULL,
	CHECK (is_live IN (0, 1)),
	FOREIGN KEY (customer_id) REFERENCES customer (id)
) STRICT;
--> statement-breakpoint
CREATE TABLE `upstream_cost` (
	`upstream_id` text NOT NULL,
	`day` text NOT NULL,
	`cost_nanos` integer NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`upstream_id`, `day`),
	CHECK (cost_nanos >= 0)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
ALTER TABLE `customer` ADD `email_verified_at` integer;--> statement-breakpoint
CREATE INDEX `bonus_code_by_customer` ON `bonus_code` (`customer_id`) WHERE customer_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `bonus_code_by_mailbox` ON `bonus_code` (`mailbox_hash`, `created_at`) WHERE mailbox_hash IS NOT NULL;--> statement-breakpoint
CREATE INDEX `email_code_issue_by_mailbox` ON `email_code_issue` (`mailbox_hash`, `created_at`);--> statement-breakpoint
CREATE INDEX `email_code_issue_by_age` ON `email_code_issue` (`created_at`);--> statement-breakpoint
CREATE UNIQUE INDEX `auto_topup_job_one_claimed` ON `auto_topup_job` (`customer_id`) WHERE state = 'claimed';--> statement-breakpoint
CREATE INDEX `auto_topup_job_by_customer` ON `auto_topup_job` (`customer_id`, `created_at`);--> statement-breakpoint
CREATE INDEX `inbox_message_by_customer` ON `inbox_message` (`customer_id`, `id`);--> statement-breakpoint
CREATE INDEX `mail_outbox_open` ON `mail_outbox` (`next_attempt_at`) WHERE state IN ('queued', 'sending');--> statement-breakpoint
CREATE INDEX `purchase_by_customer` ON `purchase` (`customer_id`, `id`);--> statement-breakpoint
CREATE INDEX `purchase_open` ON `purchase` (`created_at`) WHERE state = 'open';--> statement-breakpoint
CREATE INDEX `purchase_by_card` ON `purchase` (`card_fingerprint`, `customer_id`) WHERE card_fingerprint IS NOT NULL;--> statement-breakpoint
CREATE INDEX `reversal_by_purchase` ON `reversal` (`purchase_id`);--> statement-breakpoint
CREATE INDEX `reversal_by_customer` ON `reversal` (`customer_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `stripe_customer_by_customer` ON `stripe_customer` (`customer_id`, `is_live`);--> statement-breakpoint
CREATE INDEX `referral_by_referrer` ON `referral` (`referrer_id`, `customer_id`);--> statement-breakpoint
CREATE INDEX `referral_commission_by_referrer` ON `referral_commission` (`referrer_id`, `purchase_id`);--> statement-breakpoint
CREATE INDEX `referral_commission_due` ON `referral_commission` (`due_at`) WHERE state = 'pending';--> statement-breakpoint
CREATE UNIQUE INDEX `reward_claim_one_per_device` ON `reward_claim` (`rule`, `slot`, `device_hash`) WHERE device_hash IS NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `reward_claim_one_per_card` ON `reward_claim` (`rule`, `slot`, `card_fingerprint`) WHERE card_fingerprint IS NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `reward_claim_one_per_mailbox` ON `reward_claim` (`rule`, `slot`, `mailbox_hash`) WHERE mailbox_hash IS NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `reward_claim_one_per_proof` ON `reward_claim` (`rule`, `proof`) WHERE proof IS NOT NULL;--> statement-breakpoint
CREATE INDEX `reward_claim_by_customer` ON `reward_claim` (`customer_id`, `created_at`);--> statement-breakpoint
CREATE INDEX `reconciliation_difference_by_day` ON `reconciliation_difference` (`source`, `day`);--> statement-breakpoint
CREATE INDEX `remembered_answer_by_age` ON `remembered_answer` (`created_at`);--> statement-breakpoint
-- Statements look up what moved a customer's money beside model usage; the kinds of the hot path are left out.
CREATE INDEX `ledger_transfer_by_giver` ON `ledger_transfer` (`from_account`, `created_at`) WHERE kind NOT IN ('hold', 'settle', 'release', 'overrun', 'loss');--> statement-breakpoint
CREATE INDEX `ledger_transfer_by_taker` ON `ledger_transfer` (`to_account`, `created_at`) WHERE kind NOT IN ('hold', 'settle', 'release', 'overrun', 'loss');--> statement-breakpoint
CREATE TRIGGER `purchase_is_paid_once` BEFORE UPDATE ON `purchase` WHEN OLD.state = 'paid' BEGIN
	SELECT RAISE(ABORT, 'a paid purchase does not change: what is taken back is a reversal');
END;--> statement-breakpoint
CREATE TRIGGER `purchase_no_delete` BEFORE DELETE ON `purchase` BEGIN
	SELECT RAISE(ABORT, 'purchases are a book: nothing is deleted');
END;--> statement-breakpoint
CREATE TRIGGER `reversal_returns_once` BEFORE UPDATE ON `reversal` WHEN OLD.state = 'returned' BEGIN
	SELECT RAISE(ABORT, 'a reversal is returned once');
END;--> statement-breakpoint
CREATE TRIGGER `reversal_no_delete` BEFORE DELETE ON `reversal` BEGIN
	SELECT RAISE(ABORT, 'reversals are a book: nothing is deleted');
END;--> statement-breakpoint
CREATE TRIGGER `reward_claim_no_update` BEFORE UPDATE ON `reward_claim` BEGIN
	SELECT RAISE(ABORT, 'a claim does not change');
END;--> statement-breakpoint
CREATE TRIGGER `ledger_seal_no_update` BEFORE UPDATE ON `ledger_seal` BEGIN
	SELECT RAISE(ABORT, 'a seal does not change');
END;--> statement-breakpoint
CREATE TRIGGER `ledger_seal_no_delete` BEFORE DELETE ON `ledger_seal` BEGIN
	SELECT RAISE(ABORT, 'seals are kept');
END;
