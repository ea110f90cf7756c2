// The article's chat server on today's Deno: deno run --allow-net article.js PORT
const replies = {
  help: "Sure, I am here to help. Can you briefly describe the problem.",
  hi: "Hi, how can I help you today?",
  hello: "Hi, how can I help you today?",
  unknown: "Sorry, I am unable to understand you.",
};

Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen() {} }, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onopen = () => socket.send(replies.hi);
  socket.onmessage = ({ data }) => {
    const key = Object.keys(replies).find((key) => data.includes(key));
    socket.send(replies[key ?? "unknown"]);
  };
  return response;
});
