<?php
// Sessions by Redis itself. apt-get install php-redis; php session.php make VALUE | read KEY | end KEY

const PREFIX = 'swampdragon:session:'; // session_key_prefix
const TTL_MS = 30 * 60 * 1000; // session_ttl

$redis = parse_url(getenv('REDIS_URL') ?: 'redis://127.0.0.1:6379');
$store = new Redis();
$store->connect($redis['host'], $redis['port'] ?? 6379);

function make(Redis $store, string $value): string
{
    $key = bin2hex(random_bytes(32));
    $store->psetex(PREFIX . $key, TTL_MS, $value);
    return $key; // for the page: dragon.session = key
}

function read(Redis $store, string $key): string|false
{
    return $store->get(PREFIX . $key); // false: it has run out, or was ended
}

function finish(Redis $store, string $key): bool
{
    return $store->del(PREFIX . $key) === 1;
}

[, $what, $argument] = $argv;
echo match ($what) {
    'make' => make($store, $argument),
    'read' => read($store, $argument),
    'end' => finish($store, $argument),
}, "\n";
