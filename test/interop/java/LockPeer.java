import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.locks.Revoker;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.retry.RetryNTimes;
import org.apache.zookeeper.CreateMode;

/**
 * Curator's locks, for others to use: {@code <connect string> <session timeout>}. Answers each request, a line of JSON with
 * an {@code id}, when it is done; those of one {@code thread} are done one after the other, in a thread of that name,
 * since Curator's locks belong to threads.
 */
class LockPeer {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What all locks have in common here. */
  interface Lock {
    boolean acquire(int permits, long timeoutMs) throws Exception;

    void release() throws Exception;

    Collection<String> participants() throws Exception;
  }

  private final CuratorFramework curator;
  private final Map<String, ExecutorService> threads = new ConcurrentHashMap<>();
  private final Map<String, Lock> locks = new ConcurrentHashMap<>();
  private final Map<String, InterProcessReadWriteLock> readWriteLocks = new ConcurrentHashMap<>();
  private final Map<String, SharedCount> counts = new ConcurrentHashMap<>();

  private LockPeer(CuratorFramework curator) {
    this.curator = curator;
  }

  public static void main(String[] args) throws Exception {
    int timeout = Integer.parseInt(args[1]);
    CuratorFramework curator = CuratorFrameworkFactory.newClient(args[0], timeout, timeout, new RetryNTimes(50, 20));
    curator.start();
    curator.blockUntilConnected();
    LockPeer peer = new LockPeer(curator);
    long sessionId = curator.getZookeeperClient().getZooKeeper().getSessionId();
    say(JSON.createObjectNode().put("event", "ready").put("sessionId", String.valueOf(sessionId)));
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode request = JSON.readTree(line);
      String thread = request.get("thread").asText();
      peer.threads.computeIfAbsent(thread, name -> Executors.newSingleThreadExecutor())
          .execute(() -> peer.answer(request));
    }
    curator.close();
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
    String path = request.get("path").asText();
    switch (request.get("do").asText()) {
      case "acquire":
        return lock(request).acquire(permits(request), request.get("timeoutMs").asLong());
      case "release":
        lock(request).release();
        return true;
      case "participants":
        return lock(request).participants();
      case "contend":
        return contend(lock(request), request);
      case "revoke":
        Revoker.attemptRevoke(curator, path);
        return true;
      case "setCount":
        count(path).setCount(request.get("count").asInt());
        return true;
      default:
        throw new IllegalArgumentException(request.toString());
    }
  }

  /** Comes in, marks that it is inside, and leaves, again and again. */
  private int contend(Lock lock, JsonNode request) throws Exception {
    long endMs = System.currentTimeMillis() + request.get("forMs").asLong();
    int rounds = 0;
    for (; System.currentTimeMillis() < endMs; rounds++) {
      if (!lock.acquire(permits(request), 60_000)) throw new IllegalStateException("waited for a minute");
      String mark = request.get("mark").asText();
      String created = curator.create().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath(mark);
      curator.delete().forPath(created);
      lock.release();
    }
    return rounds;
  }

  private static int permits(JsonNode request) {
    return request.has("permits") ? request.get("permits").asInt() : 1;
  }

  private Lock lock(JsonNode request) {
    String kind = request.get("kind").asText();
    String path = request.get("path").asText();
    String own = request.get("thread").asText() + path;
    return locks.computeIfAbsent(
        kind + own,
        key -> {
          if (kind.equals("semaphore")) return semaphore(path, request);
          if (kind.equals("mutex")) return mutex(new InterProcessMutex(curator, path), path, request);
          InterProcessReadWriteLock readWrite =
              readWriteLocks.computeIfAbsent(own, one -> new InterProcessReadWriteLock(curator, path));
          return mutex(kind.equals("read") ? readWrite.readLock() : readWrite.writeLock(), path, request);
        });
  }

  private Lock mutex(InterProcessMutex mutex, String path, JsonNode request) {
    if (request.has("revocable")) {
      mutex.makeRevocable(one -> say(JSON.createObjectNode().put("event", "revoked").put("path", path)));
    }
    return new Lock() {
      public boolean acquire(int permits, long timeoutMs) throws Exception {
        return mutex.acquire(timeoutMs, TimeUnit.MILLISECONDS);
      }

      public void release() throws Exception {
        mutex.release();
      }

      public Collection<String> participants() throws Exception {
        return mutex.getParticipantNodes();
      }
    };
  }

  private Lock semaphore(String path, JsonNode request) {
    InterProcessSemaphoreV2 semaphore =
        request.has("countPath")
            ? new InterProcessSemaphoreV2(curator, path, count(request.get("countPath").asText()))
            : new InterProcessSemaphoreV2(curator, path, request.get("max").asInt());
    return new Lock() {
      private Collection<Lease> leases;

      public boolean acquire(int permits, long timeoutMs) throws Exception {
        leases = semaphore.acquire(permits, timeoutMs, TimeUnit.MILLISECONDS);
        return leases != null;
      }

      public void release() {
        semaphore.returnAll(leases);
      }

      public Collection<String> participants() throws Exception {
        return semaphore.getParticipantNodes();
      }
    };
  }

  private SharedCount count(String path) {
    return counts.computeIfAbsent(
        path,
        key -> {
          try {
            SharedCount count = new SharedCount(curator, path, 1);
            count.start();
            return count;
          } catch (Exception error) {
            throw new IllegalStateException(error);
          }
        });
  }

  private static synchronized void say(ObjectNode message) {
    System.out.println(message);
  }
}
