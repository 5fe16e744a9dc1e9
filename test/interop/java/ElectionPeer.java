import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.InputStreamReader;
import java.util.Collection;
import java.util.concurrent.CountDownLatch;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderLatchListener;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.leader.Participant;
import org.apache.curator.retry.RetryNTimes;

/**
 * A candidate of Curator's: {@code <connect string> <path> <id> <session timeout> <kind>}. Says {@code elected} and
 * {@code deposed} with the wall clock's time; hears {@code participants}, {@code yield} and {@code close}.
 */
class ElectionPeer {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What latch and selector have in common here. */
  interface Candidate extends Closeable {
    Collection<Participant> participants() throws Exception;

    Participant leader() throws Exception;

    /** Steps down and enters again. */
    void yieldLeadership() throws Exception;
  }

  public static void main(String[] args) throws Exception {
    int timeout = Integer.parseInt(args[3]);
    CuratorFramework curator = CuratorFrameworkFactory.newClient(args[0], timeout, timeout, new RetryNTimes(50, 20));
    curator.start();
    curator.blockUntilConnected();
    Candidate candidate =
        args[4].equals("LeaderLatch") ? latch(curator, args[1], args[2]) : selector(curator, args[1], args[2]);
    say(event("ready").put("sessionId", String.valueOf(curator.getZookeeperClient().getZooKeeper().getSessionId())));
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode message = JSON.readTree(line);
      String what = message.get("do").asText();
      if (what.equals("participants")) tellParticipants(candidate);
      else if (what.equals("yield")) candidate.yieldLeadership();
      else break;
    }
    candidate.close();
    curator.close();
    say(event("closed"));
  }

  private static LeaderLatch startedLatch(CuratorFramework curator, String path, String id) throws Exception {
    LeaderLatch latch = new LeaderLatch(curator, path, id);
    latch.addListener(
        new LeaderLatchListener() {
          public void isLeader() {
            say(event("elected"));
          }

          public void notLeader() {
            say(event("deposed"));
          }
        });
    latch.start();
    return latch;
  }

  private static Candidate latch(CuratorFramework curator, String path, String id) throws Exception {
    LeaderLatch first = startedLatch(curator, path, id);
    return new Candidate() {
      private LeaderLatch latch = first;

      public Collection<Participant> participants() throws Exception {
        return latch.getParticipants();
      }

      public Participant leader() throws Exception {
        return latch.getLeader();
      }

      public void yieldLeadership() throws Exception {
        close();
        latch = startedLatch(curator, path, id);
      }

      public void close() throws java.io.IOException {
        latch.close(LeaderLatch.CloseMode.NOTIFY_LEADER);
      }
    };
  }

  private static Candidate selector(CuratorFramework curator, String path, String id) {
    LeaderSelector selector =
        new LeaderSelector(
            curator,
            path,
            new LeaderSelectorListenerAdapter() {
              public void takeLeadership(CuratorFramework client) throws Exception {
                say(event("elected"));
                try {
                  new CountDownLatch(1).await();
                } finally {
                  say(event("deposed"));
                }
              }
            });
    selector.setId(id);
    selector.autoRequeue();
    selector.start();
    return new Candidate() {
      public Collection<Participant> participants() throws Exception {
        return selector.getParticipants();
      }

      public Participant leader() throws Exception {
        return selector.getLeader();
      }

      public void yieldLeadership() {
        selector.interruptLeadership();
      }

      public void close() {
        selector.close();
      }
    };
  }

  private static void tellParticipants(Candidate candidate) throws Exception {
    ObjectNode told = event("participants");
    ArrayNode ids = told.putArray("ids");
    for (Participant participant : candidate.participants()) ids.add(participant.getId());
    say(told.put("leader", candidate.leader().getId()));
  }

  private static ObjectNode event(String name) {
    return JSON.createObjectNode().put("event", name).put("atMs", System.currentTimeMillis());
  }

  private static synchronized void say(ObjectNode message) {
    System.out.println(message);
  }
}
