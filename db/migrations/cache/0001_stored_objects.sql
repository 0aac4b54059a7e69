CREATE TABLE `stored_object` (
	`customer_id` text NOT NULL,
	`id` text NOT NULL,
	`kind` text NOT NULL,
	`status` text NOT NULL,
	`model` text NOT NULL,
	`previous_id` text,
	`is_background` integer NOT NULL,
	`metadata` text NOT NULL,
	`size_bytes` integer NOT NULL,
	`created_at` integer NOT NULL,
	`body` text NOT NULL,
	PRIMARY KEY(`customer_id`, `id`),
	CHECK (kind IN ('response', 'chat.completion')),
	CHECK (is_background IN (0, 1)),
	CHECK (kind = 'response' OR (is_background = 0 AND previous_id IS NULL)),
	CHECK (size_bytes > 0),
	CHECK (length(customer_id) > 0 AND length(id) > 0),
	CHECK (json_valid(metadata))
) STRICT;
--> statement-breakpoint
CREATE INDEX `stored_object_of_customer` ON `stored_object` (`customer_id`, `created_at`);--> statement-breakpoint
CREATE INDEX `stored_object_by_age` ON `stored_object` (`created_at`);--> statement-breakpoint
CREATE INDEX `stored_object_unfinished` ON `stored_object` (`status`) WHERE status IN ('queued', 'in_progress');--> statement-breakpoint
CREATE TABLE `stored_item` (
	`customer_id` text NOT NULL,
	`id` text NOT NULL,
	`object_id` text NOT NULL,
	PRIMARY KEY(`customer_id`, `id`),
	FOREIGN KEY (customer_id, object_id) REFERENCES stored_object (customer_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `stored_item_of_object` ON `stored_item` (`customer_id`, `object_id`);--> statement-breakpoint
CREATE TABLE `stored_event` (
	`customer_id` text NOT NULL,
	`object_id` text NOT NULL,
	`first_number` integer NOT NULL,
	`last_number` integer NOT NULL,
	`body` text NOT NULL,
	PRIMARY KEY(`customer_id`, `object_id`, `first_number`),
	CHECK (first_number >= 0 AND last_number >= first_number),
	FOREIGN KEY (customer_id, object_id) REFERENCES stored_object (customer_id, id) ON DELETE CASCADE
) STRICT;
--> statement-breakpoint
CREATE TABLE `stored_total` (
	`customer_id` text PRIMARY KEY NOT NULL,
	`object_count` integer NOT NULL,
	`size_bytes` integer NOT NULL,
	CHECK (object_count >= 0 AND size_bytes >= 0)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TRIGGER `stored_object_counts_insert` AFTER INSERT ON `stored_object` BEGIN
	INSERT INTO `stored_total` VALUES (NEW.customer_id, 1, NEW.size_bytes)
	ON CONFLICT (customer_id) DO UPDATE SET
		object_count = object_count + 1, size_bytes = size_bytes + excluded.size_bytes;
END;--> statement-breakpoint
CREATE TRIGGER `stored_object_counts_update` AFTER UPDATE OF `size_bytes` ON `stored_object` BEGIN
	UPDATE `stored_total` SET size_bytes = size_bytes + NEW.size_bytes - OLD.size_bytes
	WHERE customer_id = NEW.customer_id;
END;--> statement-breakpoint
CREATE TRIGGER `stored_object_counts_delete` AFTER DELETE ON `stored_object` BEGIN
	UPDATE `stored_total` SET object_count = object_count - 1, size_bytes = size_bytes - OLD.size_bytes
	WHERE customer_id = OLD.customer_id;
END;
