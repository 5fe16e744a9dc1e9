import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.retry.RetryOneTime;

/** Runs recipes of Apache Curator with two clients, and says what they did: one line of JSON a recipe. */
class RecipesPeer {
  private static final ObjectMapper json = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    try (CuratorFramework one = connect(args[0]); CuratorFramework two = connect(args[0])) {
      mutex(one, two);
      latch(one, two);
      queue(one, two);
      cache(one, two);
    }
    say("done", Collections.emptyList());
  }

  private static CuratorFramework connect(String server) throws Exception {
    CuratorFramework curator = CuratorFrameworkFactory.newClient(server, 5_000, 5_000, new RetryOneTime(100));
    curator.start();
    curator.blockUntilConnected();
    return curator;
  }

  private static void mutex(CuratorFramework one, CuratorFramework two) throws Exception {
    List<String> log = Collections.synchronizedList(new ArrayList<>());
    InterProcessMutex mine = new InterProcessMutex(one, "/mutex");
    mine.acquire();
    log.add("one in");
    CountDownLatch waits = new CountDownLatch(1);
    Thread other = new Thread(() -> {
      try {
        InterProcessMutex theirs = new InterProcessMutex(two, "/mutex");
        waits.countDown();
        theirs.acquire();
        log.add("two in");
        theirs.release();
      } catch (Exception error) {
        log.add(error.toString());
      }
    });
    other.start();
    waits.await();
    while (one.getChildren().forPath("/mutex").size() < 2) Thread.onSpinWait();
    log.add("one out");
    mine.release();
    other.join();
    say("mutex", log);
  }

  private static void latch(CuratorFramework one, CuratorFramework two) throws Exception {
    List<String> log = new ArrayList<>();
    LeaderLatch first = new LeaderLatch(one, "/latch", "first");
    LeaderLatch second = new LeaderLatch(two, "/latch", "second");
    first.start();
    first.await();
    second.start();
    while (second.getParticipants().size() < 2) Thread.onSpinWait();
    log.add(second.getLeader().getId());
    first.close();
    second.await();
    log.add(second.getLeader().getId());
    second.close();
    say("latch", log);
  }

  private static void queue(CuratorFramework one, CuratorFramework two) throws Exception {
    List<String> log = new ArrayList<>();
    SimpleDistributedQueue producer = new SimpleDistributedQueue(one, "/queue");
    SimpleDistributedQueue consumer = new SimpleDistributedQueue(two, "/queue");
    for (String item : new String[] {"a", "b", "c"}) producer.offer(item.getBytes());
    for (int i = 0; i < 3; i++) log.add(new String(consumer.take()));
    say("queue", log);
  }

  private static void cache(CuratorFramework one, CuratorFramework two) throws Exception {
    List<String> log = new ArrayList<>();
    LinkedBlockingQueue<String> heard = new LinkedBlockingQueue<>();
    two.create().forPath("/cache", new byte[0]);
    CuratorCache cache = CuratorCache.build(two, "/cache");
    cache.listenable().addListener((type, before, after) ->
        heard.add(type + " " + (after == null ? before : after).getPath()));
    cache.start();
    log.add(heard.poll(10, TimeUnit.SECONDS));
    one.create().forPath("/cache/a", "1".getBytes());
    log.add(heard.poll(10, TimeUnit.SECONDS));
    one.setData().forPath("/cache/a", "2".getBytes());
    log.add(heard.poll(10, TimeUnit.SECONDS));
    one.delete().forPath("/cache/a");
    log.add(heard.poll(10, TimeUnit.SECONDS));
    cache.close();
    say("cache", log);
  }

  private static void say(String event, List<String> log) throws Exception {
    ObjectNode message = json.createObjectNode().put("event", event);
    ArrayNode lines = message.putArray("log");
    for (String line : log) lines.add(line);
    System.out.println(json.writeValueAsString(message));
  }
}
