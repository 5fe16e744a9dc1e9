import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryOneTime;

/** Curator's DistributedQueue, put through what child.mjs puts ours through: {@code <connect string> <path> <items> <consumers>}. */
class CuratorQueues {
  private static final byte[] PAYLOAD = new byte[100];
  private static String server;
  private static String path;
  private static int items;
  private static int paths;

  public static void main(String[] args) throws Exception {
    server = args[0];
    path = args[1];
    items = Integer.parseInt(args[2]);
    int crowd = Integer.parseInt(args[3]);
    Arrays.fill(PAYLOAD, (byte) 'x');
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    while (lines.readLine() != null) {
      String putOne = put(false);
      String putMany = put(true);
      String consumeOne = consume(1, true);
      String consumeCrowd = consume(crowd, true);
      String unsafeOne = consume(1, false);
      String unsafeCrowd = consume(crowd, false);
      System.out.printf("{\"putOne\":%s,\"putMany\":%s,\"consumeOne\":%s,\"consumeCrowd\":%s,\"unsafeOne\":%s,\"unsafeCrowd\":%s}%n",
          putOne, putMany, consumeOne, consumeCrowd, unsafeOne, unsafeCrowd);
    }
    System.exit(0);
  }

  private static CuratorFramework connect() throws Exception {
    CuratorFramework curator = CuratorFrameworkFactory.newClient(server, 30_000, 30_000, new RetryOneTime(100));
    curator.start();
    curator.blockUntilConnected();
    return curator;
  }

  private static String freshPath() {
    return path + "-" + ProcessHandle.current().pid() + "-" + ++paths;
  }

  /** One producer puts one item after the other, waiting for each, or all in the background. */
  private static String put(boolean inBackground) throws Exception {
    CuratorFramework curator = connect();
    DistributedQueue<byte[]> queue = builder(curator, null, freshPath()).putInBackground(inBackground).buildQueue();
    queue.start();
    queue.put(PAYLOAD);
    queue.flushPuts(1, TimeUnit.MINUTES);
    long startedAt = System.nanoTime();
    for (int index = 0; index < items; index++) queue.put(PAYLOAD);
    if (!queue.flushPuts(1, TimeUnit.MINUTES)) throw new IllegalStateException("waited for a minute");
    String took = took(startedAt);
    queue.close();
    curator.close();
    return took;
  }

  /** Consumers, each with a session of its own, work off what was put before. */
  private static String consume(int consumers, boolean withLocks) throws Exception {
    String own = freshPath();
    CuratorFramework producer = connect();
    DistributedQueue<byte[]> backlog = builder(producer, null, own).buildQueue();
    backlog.start();
    for (int index = 0; index < items; index++) backlog.put(PAYLOAD);
    if (!backlog.flushPuts(1, TimeUnit.MINUTES)) throw new IllegalStateException("waited for a minute");
    CountDownLatch left = new CountDownLatch(items);
    List<CuratorFramework> curators = new ArrayList<>();
    List<DistributedQueue<byte[]>> queues = new ArrayList<>();
    for (int index = 0; index < consumers; index++) {
      CuratorFramework curator = connect();
      curators.add(curator);
      QueueBuilder<byte[]> builder = builder(curator, countingDown(left), own);
      queues.add((withLocks ? builder.lockPath(own + "-locks") : builder).buildQueue());
    }
    long startedAt = System.nanoTime();
    for (DistributedQueue<byte[]> queue : queues) queue.start();
    left.await();
    // What was consumed last is still to be deleted.
    while (producer.checkExists().forPath(own).getNumChildren() > 0) Thread.onSpinWait();
    String took = took(startedAt);
    for (DistributedQueue<byte[]> queue : queues) queue.close();
    backlog.close();
    for (CuratorFramework curator : curators) curator.close();
    producer.close();
    return took;
  }

  private static String took(long startedAt) {
    return "{\"wallUs\":" + (System.nanoTime() - startedAt) / 1000.0 / items + "}";
  }

  private static QueueBuilder<byte[]> builder(CuratorFramework curator, QueueConsumer<byte[]> consumer, String own) {
    return QueueBuilder.builder(
        curator,
        consumer,
        new QueueSerializer<byte[]>() {
          public byte[] serialize(byte[] item) {
            return item;
          }

          public byte[] deserialize(byte[] bytes) {
            return bytes;
          }
        },
        own);
  }

  private static QueueConsumer<byte[]> countingDown(CountDownLatch left) {
    return new QueueConsumer<byte[]>() {
      public void consumeMessage(byte[] message) {
        left.countDown();
      }

      public void stateChanged(CuratorFramework client, ConnectionState newState) {}
    };
  }
}
