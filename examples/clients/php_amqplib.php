<?php
// A client with php-amqplib: reads calls and tells what became of each; see docs/protocol.md.
require_once 'PhpAmqpLib/autoload.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Exception\AMQPTimeoutException;
use PhpAmqpLib\Message\AMQPMessage;

$queues = getenv('CONFORMANCE_QUEUES');
$seen = []; // by correlation id: what has come for a call
$channel = null;

function connect(array &$seen) {
    $url = array_map('rawurldecode', parse_url(getenv('CONFORMANCE_URL'))) + ['port' => 5672, 'user' => 'guest', 'pass' => 'guest', 'path' => '//'];
    $connection = new AMQPStreamConnection($url['host'], $url['port'], $url['user'], $url['pass'], substr($url['path'], 1));
    $channel = $connection->channel();
    $channel->confirm_select();
    $channel->set_nack_handler(function ($message) use (&$seen) {
        $seen[$message->get('correlation_id')] = ['outcome' => 'error', 'code' => 'overloaded'];
    });
    $channel->set_return_listener(function ($code, $text, $exchange, $key, $message) use (&$seen) {
        $seen[$message->get('correlation_id')] = ['outcome' => 'not_sent'];
    });
    $channel->basic_consume('amq.rabbitmq.reply-to', '', false, true, false, false, function ($message) use (&$seen) {
        $seen[$message->get('correlation_id')] = read($message->body, $message->get('correlation_id'));
    });
    return $channel;
}

function read(string $body, string $id): array {
    $reply = json_decode($body); // objects stay objects, so that {} does not become []
    $known = is_object($reply) && ($reply->correlation_id ?? '') === $id ? ($reply->status ?? '') : '';
    if ($known === 'ok') return ['outcome' => 'result', 'data' => $reply->data];
    if ($known !== 'error') return ['outcome' => 'no_answer']; // it cannot be read: nothing is known
    return ['outcome' => 'error'] + array_intersect_key((array) $reply, ['code' => 1, 'error' => 1, 'details' => 1]);
}

while ($line = fgets(STDIN)) {
    $request = (array) json_decode($line) + ['id' => bin2hex(random_bytes(16)), 'version' => 'v1', 'auth' => '', 'timeout' => 20];
    [$id, $end, $sent] = [$request['id'], microtime(true) + $request['timeout'], false];
    unset($request['timeout'], $seen[$id]);
    $properties = ['correlation_id' => $id, 'reply_to' => 'amq.rabbitmq.reply-to', 'content_type' => 'application/json', 'delivery_mode' => 2];
    $message = new AMQPMessage(json_encode($request, JSON_PRESERVE_ZERO_FRACTION), $properties);
    while (!isset($seen[$id]) && microtime(true) < $end) {
        try {
            $channel ??= connect($seen);
            $channel->basic_publish($message, "$queues.direct", "$queues.requests", true);
            while (!isset($seen[$id]) && ($left = $end - microtime(true)) > 0) $channel->wait(null, false, $left);
        } catch (AMQPTimeoutException) { // the loop ends
        } catch (Exception) { // the connection was lost: ask again with the same id
            [$channel, $sent] = [null, true];
            usleep(50000);
        }
    }
    $outcome = $seen[$id] ?? ['outcome' => 'no_answer'];
    $refused = $outcome['outcome'] === 'not_sent' || ($outcome['code'] ?? '') === 'overloaded';
    if ($sent && $refused) $outcome = ['outcome' => 'no_answer']; // nothing is known of an earlier attempt
    echo json_encode(['id' => $id] + $outcome, JSON_PRESERVE_ZERO_FRACTION), "\n";
}
