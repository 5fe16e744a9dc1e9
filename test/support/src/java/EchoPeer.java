import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.retry.RetryOneTime;

/** Says what it hears, and the length of a znode's data: the least that shows that a Java peer works with Curator. */
class EchoPeer {
  public static void main(String[] args) throws Exception {
    ObjectMapper json = new ObjectMapper();
    try (CuratorFramework curator = CuratorFrameworkFactory.newClient(args[0], new RetryOneTime(100))) {
      curator.start();
      ObjectNode ready = json.createObjectNode().put("event", "ready");
      System.out.println(ready.put("children", curator.getChildren().forPath("/").size()));
      BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        System.out.println(json.createObjectNode().put("event", "echo").set("heard", json.readTree(line)));
      }
    }
  }
}
