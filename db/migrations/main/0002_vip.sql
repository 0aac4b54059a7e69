ALTER TABLE `customer` ADD `vip_until` integer CHECK (vip_until IS NULL OR vip_until >= 0);
