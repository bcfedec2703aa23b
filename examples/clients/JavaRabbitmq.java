// A client with RabbitMQ's Java client: reads calls and tells what became of each; see docs/protocol.md.
import com.google.gson.*;
import com.rabbitmq.client.*;
import java.util.*;
import java.util.concurrent.*;
public class JavaRabbitmq {
    static final String QUEUES = System.getenv("CONFORMANCE_QUEUES"), REPLIES = "amq.rabbitmq.reply-to";
    static final Gson JSON = new GsonBuilder().serializeNulls().create();
    static final Map<String, CompletableFuture<JsonObject>> waiting = new ConcurrentHashMap<>(); // by correlation id
    static Channel channel;

    static JsonObject json(String text) { return JSON.fromJson(text, JsonObject.class); }
    static JsonObject read(String id, byte[] body) {
        try {
            JsonObject reply = json(new String(body, "UTF-8"));
            reply.addProperty("outcome", Map.of("ok", "result", "error", "error").get(reply.get("status").getAsString()));
            if (reply.get("correlation_id").getAsString().equals(id)) return reply;
        } catch (Exception unreadable) { } // nothing is known
        return json("{'outcome': 'no_answer'}");
    }
    static void tell(String id, JsonObject outcome) { if (waiting.containsKey(id)) waiting.get(id).complete(outcome); }
    static Channel connect() throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(System.getenv("CONFORMANCE_URL"));
        factory.setAutomaticRecoveryEnabled(false); // a new channel has another reply queue: we ask again ourselves
        Channel opened = factory.newConnection().createChannel();
        opened.confirmSelect();
        opened.addReturnListener(back -> tell(back.getProperties().getCorrelationId(), json("{'outcome': 'not_sent'}")));
        opened.addConfirmListener((tag, more) -> { }, (tag, more) -> // it is of the one request in flight
            waiting.keySet().forEach(id -> tell(id, json("{'outcome': 'error', 'code': 'overloaded'}"))));
        opened.addShutdownListener(cause -> waiting.keySet().forEach(id -> tell(id, json("{'outcome': 'lost'}"))));
        opened.basicConsume(REPLIES, true, (tag, reply) -> tell(reply.getProperties().getCorrelationId(),
            read(reply.getProperties().getCorrelationId(), reply.getBody())), tag -> { });
        return opened;
    }
    static JsonObject call(String id, byte[] body, long end) throws InterruptedException {
        var properties = new AMQP.BasicProperties.Builder().contentType("application/json").deliveryMode(2).replyTo(REPLIES);
        for (boolean sent = false; System.currentTimeMillis() < end; sent = true, Thread.sleep(50)) try {
            if (channel == null || !channel.isOpen()) channel = connect();
            waiting.put(id, new CompletableFuture<>());
            channel.basicPublish(QUEUES + ".direct", QUEUES + ".requests", true, properties.correlationId(id).build(), body);
            JsonObject told = waiting.get(id).get(end - System.currentTimeMillis(), TimeUnit.MILLISECONDS);
            if (sent && told.toString().matches(".*\"(not_sent|overloaded)\".*")) break; // an earlier attempt may be there
            if (!told.get("outcome").getAsString().equals("lost")) return told;
        } catch (InterruptedException stopped) { throw stopped; } catch (Exception lost) { } // ask again while there is time
        return json("{'outcome': 'no_answer'}");
    }
    public static void main(String[] words) throws Exception {
        for (Scanner lines = new Scanner(System.in, "UTF-8"); lines.hasNextLine(); waiting.clear()) {
            JsonObject request = json("{'version': 'v1', 'timeout': 20}");
            request.addProperty("id", UUID.randomUUID().toString());
            json(lines.nextLine()).entrySet().forEach(each -> request.add(each.getKey(), each.getValue()));
            long end = System.currentTimeMillis() + (long) (1000 * request.remove("timeout").getAsDouble());
            JsonObject told = call(request.get("id").getAsString(), JSON.toJson(request).getBytes("UTF-8"), end);
            told.add("id", request.get("id"));
            System.out.println(JSON.toJson(told));
        }
        System.exit(0); // the connection's threads would keep it running
    }
}
