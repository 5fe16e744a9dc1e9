import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.queue.DistributedDelayQueue;
import org.apache.curator.framework.recipes.queue.DistributedIdQueue;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.MultiItem;
import org.apache.curator.framework.recipes.queue.QueueBase;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.QueueSharder;
import org.apache.curator.framework.recipes.queue.QueueSharderPolicies;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryNTimes;

/**
 * Curator's queues of strings, for others to use: {@code <connect string> <session timeout>}. Answers each request, a line of JSON with an
 * {@code id}, when it is done; says {@code consumed} of each item that it is handed.
 */
class QueuePeer {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final QueueSerializer<String> TEXT =
      new QueueSerializer<String>() {
        public byte[] serialize(String item) {
          return bytes(item);
        }

        public String deserialize(byte[] bytes) {
          return textOrNull(bytes);
        }
      };

  private final CuratorFramework curator;
  private final Map<String, Object> queues = new ConcurrentHashMap<>();

  private QueuePeer(CuratorFramework curator) {
    this.curator = curator;
  }

  public static void main(String[] args) throws Exception {
    int timeout = Integer.parseInt(args[1]);
    CuratorFramework curator = CuratorFrameworkFactory.newClient(args[0], timeout, timeout, new RetryNTimes(50, 20));
    curator.start();
    curator.blockUntilConnected();
    QueuePeer peer = new QueuePeer(curator);
    say(JSON.createObjectNode().put("event", "ready"));
    ExecutorService worker = Executors.newSingleThreadExecutor();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode request = JSON.readTree(line);
      worker.execute(() -> peer.answer(request));
    }
    System.exit(0);
  }

  private void answer(JsonNode request) {
    ObjectNode answer = JSON.createObjectNode().put("id", request.get("id").asInt());
    try {
      answer.set("value", JSON.valueToTree(perform(request)));
    } catch (Exception error) {
      answer.put("error", error.toString());
    }
    say(answer);
  }

  private Object perform(JsonNode request) throws Exception {
    String name = request.get("queue").asText();
    switch (request.get("do").asText()) {
      case "open":
        queues.put(name, open(name, request));
        return true;
      case "put":
        put(queues.get(name), request);
        return true;
      case "offer":
        return ((SimpleDistributedQueue) queues.get(name)).offer(bytes(request.get("value").asText()));
      case "peek":
        return textOrNull(((SimpleDistributedQueue) queues.get(name)).peek());
      case "poll":
        return textOrNull(((SimpleDistributedQueue) queues.get(name)).poll(request.get("waitMs").asLong(), TimeUnit.MILLISECONDS));
      case "remove":
        return ((DistributedIdQueue<?>) queues.get(name)).remove(request.get("key").asText());
      case "close":
        Object queue = queues.remove(name);
        if (queue instanceof Closeable) ((Closeable) queue).close();
        return true;
      default:
        throw new IllegalArgumentException(request.toString());
    }
  }

  /** A queue, or a sharder of queues; it consumes in the manner that is given, or only puts. */
  private Object open(String name, JsonNode request) throws Exception {
    String path = request.get("path").asText();
    if (request.get("kind").asText().equals("simple")) return new SimpleDistributedQueue(curator, path);
    QueueConsumer<String> consumer =
        request.has("manner") ? consumer(name, request.get("manner").asText()) : null;
    if (request.get("kind").asText().equals("sharded")) {
      QueueSharder<String, DistributedQueue<String>> sharder =
          new QueueSharder<>(
              curator,
              (client, shard) -> QueueBuilder.builder(client, consumer, TEXT, shard).putInBackground(false).buildQueue(),
              path,
              path + "-leader",
              QueueSharderPolicies.builder().build());
      sharder.start();
      return sharder;
    }
    QueueBuilder<String> builder = QueueBuilder.builder(curator, consumer, TEXT, path).putInBackground(false);
    if (request.has("lockPath")) builder = builder.lockPath(request.get("lockPath").asText());
    QueueBase<String> queue = build(builder, request.get("kind").asText());
    queue.start();
    return queue;
  }

  private static QueueBase<String> build(QueueBuilder<String> builder, String kind) {
    switch (kind) {
      case "priority":
        return builder.buildPriorityQueue(1);
      case "delay":
        return builder.buildDelayQueue();
      case "id":
        return builder.buildIdQueue();
      default:
        return builder.buildQueue();
    }
  }

  @SuppressWarnings("unchecked")
  private static void put(Object queue, JsonNode request) throws Exception {
    JsonNode values = request.get("values");
    MultiItem<String> items = multi(values.iterator());
    JsonNode key = request.get("key");
    if (queue instanceof DistributedPriorityQueue) {
      ((DistributedPriorityQueue<String>) queue).putMulti(items, key.asInt());
    } else if (queue instanceof DistributedDelayQueue) {
      ((DistributedDelayQueue<String>) queue).putMulti(items, key.asLong());
    } else if (queue instanceof DistributedIdQueue) {
      ((DistributedIdQueue<String>) queue).put(values.get(0).asText(), key.asText());
    } else if (queue instanceof QueueSharder) {
      ((QueueSharder<String, DistributedQueue<String>>) queue).getQueue().putMulti(items);
    } else if (values.size() == 1) {
      ((DistributedQueue<String>) queue).put(values.get(0).asText());
    } else {
      ((DistributedQueue<String>) queue).putMulti(items);
    }
  }

  private static MultiItem<String> multi(Iterator<JsonNode> values) {
    return () -> values.hasNext() ? values.next().asText() : null;
  }

  /** @param manner {@code work}; {@code hang} for ever at the first; {@code throw} at each value once, then hang */
  private static QueueConsumer<String> consumer(String name, String manner) {
    Set<String> seen = ConcurrentHashMap.newKeySet();
    return new QueueConsumer<String>() {
      public void consumeMessage(String message) throws Exception {
        say(JSON.createObjectNode().put("event", "consumed").put("queue", name).put("value", message));
        if (manner.equals("hang")) Thread.sleep(Long.MAX_VALUE);
        if (manner.equals("throw") && seen.add(message)) throw new IllegalStateException("as it was told");
        if (manner.equals("throw")) Thread.sleep(Long.MAX_VALUE);
      }

      public void stateChanged(CuratorFramework client, ConnectionState newState) {}
    };
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String textOrNull(byte[] bytes) {
    return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
  }

  private static synchronized void say(ObjectNode message) {
    System.out.println(message);
  }
}
