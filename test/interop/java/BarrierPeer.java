import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.retry.RetryNTimes;

/**
 * A user of Curator's barriers: {@code <connect string> <path> <members> <session timeout>}. Hears {@code enter}, {@code leave}, {@code
 * set}, {@code remove} and {@code wait}; says the same when it is done, with the wall clock's time, or {@code failed}.
 */
class BarrierPeer {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    int timeout = Integer.parseInt(args[3]);
    CuratorFramework curator = CuratorFrameworkFactory.newClient(args[0], timeout, timeout, new RetryNTimes(50, 20));
    curator.start();
    curator.blockUntilConnected();
    DistributedBarrier barrier = new DistributedBarrier(curator, args[1]);
    DistributedDoubleBarrier stage = new DistributedDoubleBarrier(curator, args[1], Integer.parseInt(args[2]));
    Map<String, Callable<Void>> deeds =
        Map.of(
            "enter", () -> done(stage::enter),
            "leave", () -> done(stage::leave),
            "set", () -> done(barrier::setBarrier),
            "remove", () -> done(barrier::removeBarrier),
            "wait", () -> done(barrier::waitOnBarrier));
    say(event("ready"));
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode message = JSON.readTree(line);
      String what = message.get("do").asText();
      try {
        deeds.get(what).call();
        say(event(what));
      } catch (Exception error) {
        say(event("failed").put("what", what).put("error", String.valueOf(error)));
      }
    }
  }

  /** A call that may throw anything. */
  interface Deed {
    void call() throws Exception;
  }

  private static Void done(Deed deed) throws Exception {
    deed.call();
    return null;
  }

  private static ObjectNode event(String name) {
    return JSON.createObjectNode().put("event", name).put("atMs", System.currentTimeMillis());
  }

  private static synchronized void say(ObjectNode message) {
    System.out.println(message);
  }
}
