//! Examples between their making and their writing: on disk, with the little that divides and orders them.

use forgemark_contract::json::{parse, to_compact};
use forgemark_contract::store::{ChatMessage, Content};

use crate::error::Result;
use crate::shape::{Body, Example, Response};
use crate::spill::code::{Pack, Unpack};
use crate::spill::{Entries, Scratch, Spool, failed};

/// What is known of an example without reading it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Head {
    /// Where the example itself stands.
    pub(crate) place: u64,
    /// Its name.
    pub(crate) id: String,
    /// The number of its group.
    pub(crate) group: u64,
    /// The part of the mixture that it belongs to.
    pub(crate) part: Option<u64>,
    /// What to say if the mixture leaves it out: a line of the decisions.
    pub(crate) left_out: Vec<u8>,
    /// The time and the id of its oldest record.
    pub(crate) oldest: (i64, String),
    /// The time of its newest record.
    pub(crate) newest: i64,
    /// The value that makes its stratum.
    pub(crate) stratum: Vec<u8>,
    /// What stands for it where sides are compared.
    pub(crate) vector: Option<Vec<f32>>,
}

impl Head {
    fn pack(&self) -> Vec<u8> {
        let mut pack = Pack::default();
        pack.uint(self.place)
            .text(&self.id)
            .uint(self.group)
            .maybe(self.part, |pack, part| {
                pack.uint(part);
            })
            .bytes(&self.left_out)
            .int(self.oldest.0)
            .text(&self.oldest.1)
            .int(self.newest)
            .bytes(&self.stratum)
            .maybe(self.vector.as_ref(), |pack, vector| {
                pack.uint(vector.len() as u64);
                for x in vector {
                    pack.0.extend_from_slice(&x.to_le_bytes());
                }
            });
        pack.0
    }

    fn unpack(bytes: &[u8]) -> Result<Self> {
        let mut bytes = Unpack(bytes);
        Ok(Head {
            place: bytes.uint()?,
            id: bytes.text()?.to_owned(),
            group: bytes.uint()?,
            part: bytes.maybe(Unpack::uint)?,
            left_out: bytes.bytes()?.to_vec(),
            oldest: (bytes.int()?, bytes.text()?.to_owned()),
            newest: bytes.int()?,
            stratum: bytes.bytes()?.to_vec(),
            vector: bytes.maybe(|bytes| {
                bytes.uint()?;
                let singles = bytes.0.chunks_exact(4);
                Ok(singles
                    .map(|x| f32::from_le_bytes([x[0], x[1], x[2], x[3]]))
                    .collect())
            })?,
        })
    }
}

/// The heads of examples, in their order.
pub(crate) struct Heads(Spool);

impl Heads {
    pub(crate) fn new(scratch: &dyn Scratch) -> Result<Self> {
        Spool::new(scratch).map(Heads)
    }

    pub(crate) fn push(&mut self, head: &Head) -> Result<()> {
        self.0.push(&head.pack()).map(drop)
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn read(&mut self) -> Result<ReadHeads<'_>> {
        self.0.read().map(ReadHeads)
    }
}

/// Heads from the first on.
pub(crate) struct ReadHeads<'h>(Entries<'h>);

impl ReadHeads<'_> {
    pub(crate) fn next(&mut self) -> Result<Option<Head>> {
        self.0.next()?.map(Head::unpack).transpose()
    }
}

/// The examples themselves, each with the line that says where it is from.
pub(super) struct Examples(Spool);

impl Examples {
    pub(super) fn new(scratch: &dyn Scratch) -> Result<Self> {
        Spool::new(scratch).map(Examples)
    }

    /// Keeps an example; returns its place.
    pub(super) fn push(&mut self, example: &Example, provenance: &[u8]) -> Result<u64> {
        let mut pack = Pack::default();
        pack.text(&example.id).bytes(provenance);
        pack.maybe(example.tools.as_ref(), |pack, tools| {
            pack.bytes(&to_compact(tools));
        });
        put_body(&mut pack, &example.body);
        self.0.push(&pack.0)
    }

    /// The example at a place, without its records, and the line.
    pub(super) fn at(&mut self, place: u64) -> Result<(Example, Vec<u8>)> {
        let entry = self.0.at(place)?;
        let mut entry = Unpack(&entry);
        let id = entry.text()?.to_owned();
        let provenance = entry.bytes()?.to_vec();
        let tools = entry.maybe(|entry| parse(entry.bytes()?).map_err(|_| damaged()))?;
        let body = body(&mut entry)?;
        let example = Example {
            id,
            body,
            tools,
            records: Vec::new(),
        };
        Ok((example, provenance))
    }
}

fn put_body(pack: &mut Pack, body: &Body) {
    match body {
        Body::Conversation { messages, reward } => {
            pack.byte(0).maybe(*reward, |pack, reward| {
                pack.float(reward);
            });
            put_messages(pack, messages);
        }
        Body::Pair {
            prompt,
            chosen,
            rejected,
            scores,
        } => {
            pack.byte(1).float(scores.0).float(scores.1);
            put_messages(pack, prompt);
            put_messages(pack, chosen);
            put_messages(pack, rejected);
        }
        Body::Labelled {
            prompt,
            completion,
            label,
        } => {
            pack.byte(2).byte(u8::from(*label));
            put_messages(pack, prompt);
            put_messages(pack, completion);
        }
        Body::Ranked { prompt, answers } => {
            pack.byte(3).uint(answers.len() as u64);
            put_messages(pack, prompt);
            for (answer, rank) in answers {
                pack.uint(*rank as u64);
                put_messages(pack, answer);
            }
        }
        Body::Rollout {
            prompt,
            responses,
            group_id,
            ground_truth,
        } => {
            pack.byte(4).uint(responses.len() as u64);
            put_messages(pack, prompt);
            for response in responses {
                pack.maybe(response.reward, |pack, reward| {
                    pack.float(reward);
                });
                pack.maybe(response.source.as_deref(), |pack, source| {
                    pack.text(source);
                });
                put_messages(pack, &response.messages);
            }
            pack.maybe(group_id.as_deref(), |pack, group| {
                pack.text(group);
            });
            pack.maybe(ground_truth.as_ref(), |pack, truth| {
                pack.bytes(&to_compact(truth));
            });
        }
    }
}

fn body(entry: &mut Unpack<'_>) -> Result<Body> {
    Ok(match entry.byte()? {
        0 => Body::Conversation {
            reward: entry.maybe(Unpack::float)?,
            messages: messages(entry)?,
        },
        1 => {
            let scores = (entry.float()?, entry.float()?);
            Body::Pair {
                prompt: messages(entry)?,
                chosen: messages(entry)?,
                rejected: messages(entry)?,
                scores,
            }
        }
        2 => {
            let label = entry.byte()? == 1;
            Body::Labelled {
                prompt: messages(entry)?,
                completion: messages(entry)?,
                label,
            }
        }
        3 => {
            let count = entry.uint()?;
            let prompt = messages(entry)?;
            let answers = (0..count).map(|_| {
                let rank = entry.uint()? as usize;
                Ok((messages(entry)?, rank))
            });
            let answers = answers.collect::<Result<_>>()?;
            Body::Ranked { prompt, answers }
        }
        _ => {
            let count = entry.uint()?;
            let prompt = messages(entry)?;
            let responses = (0..count).map(|_| {
                Ok(Response {
                    reward: entry.maybe(Unpack::float)?,
                    source: entry.maybe(Unpack::text)?.map(str::to_owned),
                    messages: messages(entry)?,
                })
            });
            Body::Rollout {
                prompt,
                responses: responses.collect::<Result<_>>()?,
                group_id: entry.maybe(Unpack::text)?.map(str::to_owned),
                ground_truth: match entry.maybe(Unpack::bytes)? {
                    Some(bytes) => Some(parse(bytes).map_err(|_| damaged())?),
                    None => None,
                },
            }
        }
    })
}

fn damaged() -> crate::error::CurateError {
    failed(std::io::ErrorKind::InvalidData.into())
}

fn put_messages(pack: &mut Pack, messages: &[ChatMessage]) {
    pack.uint(messages.len() as u64);
    for message in messages {
        put_message(pack, message);
    }
}

/// Most messages are a role and a text; the others are written as JSON.
fn put_message(pack: &mut Pack, message: &ChatMessage) {
    let ChatMessage {
        role,
        content: Some(Content::Text(text)),
        reasoning: None,
        tool_call_id: None,
        name: None,
        train,
        tool_calls,
        extra,
    } = message
    else {
        pack.byte(3).bytes(&to_compact(message));
        return;
    };
    if !tool_calls.is_empty() || !extra.is_empty() {
        pack.byte(3).bytes(&to_compact(message));
        return;
    }
    let train = train.map_or(2, u8::from);
    pack.byte(train).text(role).text(text);
}

fn messages(entry: &mut Unpack<'_>) -> Result<Vec<ChatMessage>> {
    let count = entry.uint()?;
    (0..count).map(|_| message(entry)).collect()
}

fn message(entry: &mut Unpack<'_>) -> Result<ChatMessage> {
    let train = entry.byte()?;
    if train == 3 {
        let json = parse(entry.bytes()?).map_err(|_| damaged())?;
        return ChatMessage::from_json(&json).map_err(|_| damaged());
    }
    Ok(ChatMessage {
        train: (train < 2).then_some(train == 1),
        ..ChatMessage::text(entry.text()?, entry.text()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spill::MemoryScratch;
    use forgemark_contract::json::parse_str;

    fn messages() -> Vec<ChatMessage> {
        let json = r#"{"role": "assistant", "content": null, "reasoning": "hm", "tool_calls": [{"id": "c", "type": "function",
            "function": {"name": "f", "arguments": "{\"x\": 1.50}"}}], "other": [1, 1.0, 12345678901234567890123]}"#;
        let parts = r#"{"role": "user", "content": [{"type": "text", "text": "é\u0000"}, {"type": "image_url"}], "train": false}"#;
        let read = |text| ChatMessage::from_json(&parse_str(text).unwrap()).unwrap();
        let text = |train| ChatMessage {
            train,
            ..ChatMessage::text("user", "a\u{0}b\n")
        };
        vec![
            read(json),
            read(parts),
            text(None),
            text(Some(true)),
            text(Some(false)),
        ]
    }

    #[test]
    fn what_was_kept_is_what_comes_back() {
        let prompt = messages();
        let bodies = vec![
            Body::Conversation {
                messages: messages(),
                reward: Some(-0.0),
            },
            Body::Pair {
                prompt: prompt.clone(),
                chosen: messages(),
                rejected: Vec::new(),
                scores: (f64::INFINITY, 0.25),
            },
            Body::Labelled {
                prompt: prompt.clone(),
                completion: messages(),
                label: true,
            },
            Body::Ranked {
                prompt: prompt.clone(),
                answers: vec![(messages(), 1), (messages(), 2)],
            },
            Body::Rollout {
                prompt,
                responses: vec![Response {
                    messages: messages(),
                    reward: None,
                    source: Some("judge".to_owned()),
                }],
                group_id: Some("g".to_owned()),
                ground_truth: Some(parse_str(r#"{"b": [1, 2.50], "a": null}"#).unwrap()),
            },
        ];
        let mut examples = Examples::new(&MemoryScratch).unwrap();
        let places: Vec<u64> = bodies
            .iter()
            .map(|body| {
                let example = Example {
                    id: "0011".to_owned(),
                    body: body.clone(),
                    tools: Some("t".into()),
                    records: Vec::new(),
                };
                examples.push(&example, b"{}\n").unwrap()
            })
            .collect();
        for (place, body) in places.into_iter().zip(bodies) {
            let (example, provenance) = examples.at(place).unwrap();
            assert_eq!(example.body, body);
            assert_eq!(example.tools, Some("t".into()));
            assert_eq!(
                (example.id.as_str(), &provenance[..]),
                ("0011", &b"{}\n"[..])
            );
        }
    }

    #[test]
    fn heads_come_back_in_their_order() {
        let mut heads = Heads::new(&MemoryScratch).unwrap();
        let head = |place| Head {
            place,
            id: place.to_string(),
            part: (place % 2 == 0).then_some(place),
            oldest: (-5, "x".to_owned()),
            vector: (place % 3 == 0).then(|| vec![1.5, place as f32]),
            ..Head::default()
        };
        (0..50).for_each(|place| heads.push(&head(place)).unwrap());
        let mut read = heads.read().unwrap();
        for place in 0..50 {
            assert_eq!(read.next().unwrap(), Some(head(place)));
        }
        assert_eq!(read.next().unwrap(), None);
    }
}
