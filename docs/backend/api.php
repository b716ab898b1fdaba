<?php
// Sessions by SwampDragon's own server. php api.php make VALUE | read KEY | end KEY

define('ADMIN', getenv('SWAMP_DRAGON_ADMIN') ?: 'http://127.0.0.1:9998'); // admin_listen
define('TOKEN', getenv('SWAMP_DRAGON_ADMIN_TOKEN'));

function ask(string $method, string $path, string $body = ''): ?string
{
    $header = ['Authorization: Bearer ' . TOKEN, 'Content-Type: application/octet-stream'];
    $http = ['method' => $method, 'header' => $header, 'content' => $body, 'timeout' => 10, 'ignore_errors' => true];
    $answer = file_get_contents(ADMIN . $path, false, stream_context_create(['http' => $http]));
    $status = (int) explode(' ', $http_response_header[0] ?? '- 0')[1];
    if ($answer === false || ($status >= 300 && $status !== 404)) {
        throw new RuntimeException("$method $path: $status $answer");
    }
    return $status === 404 ? null : $answer;
}

function make(string $value): string
{
    return json_decode(ask('POST', '/sessions', $value))->session;
}

function read(string $key): ?string
{
    return ask('GET', "/sessions/$key"); // null: it has run out, or was ended
}

function finish(string $key): bool // and close its pages
{
    return json_decode(ask('POST', "/sessions/$key/revoke"))->existed;
}

[, $what, $argument] = $argv;
echo match ($what) {
    'make' => make($argument),
    'read' => read($argument),
    'end' => finish($argument),
}, "\n";
