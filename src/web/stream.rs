//! `GET /api/sites/{site}/stream`: what happens now, told as it changes, as server-sent events.
//!
//! One reading of a site serves all who listen to it, and a listener holds the last one and no queue: who reads slowly
//! misses what was in between. Who may not read any longer is sent away, and no stop waits for a listener.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    rt,
    web::{self, Bytes, Data, Path, ServiceConfig},
};
use serde_json::{Value, json};
use tokio::{
    sync::{
        mpsc::{Sender, channel},
        oneshot, watch,
    },
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    api_control::api,
    auth::{Access, ControlState, Standing},
    download::Pieces,
    error::ApiError,
    reports,
};
use crate::{domain::declaration::SiteId, parts::Parts};

/// A site that somebody listens to is read this often, at most.
const READ_EVERY: Duration = Duration::from_secs(1);
/// So many times as long as a reading took, the next one waits.
const REST: u32 = 9;
/// A listener is told anew what is known, and whether they may still listen is looked up, this often.
const BEAT: Duration = Duration::from_secs(5);
/// A browser that lost its stream comes back after this long.
const RETRY: Duration = Duration::from_secs(2);
/// Streams of one person, or of the keys of one site.
const OF_ONE_MAX: usize = 8;
/// Streams of one site.
const OF_SITE_MAX: usize = 64;
/// Streams of this process.
const STREAMS_MAX: usize = 256;

/// The routes. They need `Data<Streams>` and `Data<ControlState>` in the application.
pub fn routes(app: &mut ServiceConfig) {
    app.service(api("/api/sites/{site}/stream", |it| it.route(web::get().to(stream))));
}

/// Who listens, and to what. Made once, outside the worker factory.
pub struct Streams {
    parts: Parts,
    open: Mutex<Open>,
}

/// The last that is known of a site, as it is sent; `None` before the first reading.
type News = Option<Bytes>;

#[derive(Default)]
struct Open {
    /// The server stops: nobody gets a seat any more.
    over: bool,
    given: u64,
    /// In the order in which they were taken.
    seats: Vec<Seat>,
    sites: HashMap<SiteId, Arc<watch::Sender<News>>>,
}

struct Seat {
    number: u64,
    site: SiteId,
    who: Who,
    leave: oneshot::Sender<Farewell>,
}

/// Whose seats are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Person(i64),
    KeysOf(SiteId),
}

impl From<&Access> for Who {
    fn from(access: &Access) -> Who {
        match access {
            Access::Staff { user } => Who::Person(user.id),
            Access::Key { site, .. } => Who::KeysOf(*site),
        }
    }
}

/// Why a listener has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    /// Somebody with the most streams that one may have opened another.
    Elsewhere,
    /// The sign-in ended, or the role at the site did.
    NotAllowed,
    /// Nothing is said: browsers come back by themselves, to the process that follows.
    Stop,
}

/// Why there is no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoSeat {
    Stop,
    Full,
}

impl From<NoSeat> for ApiError {
    fn from(why: NoSeat) -> ApiError {
        match why {
            NoSeat::Stop => ApiError::unavailable("the server is stopping"),
            NoSeat::Full => {
                let words = "too many live views are open: ask for `live` from time to time instead";
                let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, words);
                ApiError { retry_after_s: Some(10), ..error }
            }
        }
    }
}

impl Open {
    /// Gives a seat. Who has the most seats that one may have gives up the oldest for it.
    fn sit(&mut self, site: SiteId, who: Who) -> Result<(u64, oneshot::Receiver<Farewell>), NoSeat> {
        if self.over {
            return Err(NoSeat::Stop);
        }
        if self.seats.iter().filter(|seat| seat.who == who).count() >= OF_ONE_MAX
            && let Some(oldest) = self.seats.iter().position(|seat| seat.who == who)
        {
            // One that is gone already has nobody to tell.
            let _ = self.seats.remove(oldest).leave.send(Farewell::Elsewhere);
        }
        let of_site = self.seats.iter().filter(|seat| seat.site == site).count();
        if of_site >= OF_SITE_MAX || self.seats.len() >= STREAMS_MAX {
            return Err(NoSeat::Full);
        }
        let (leave, left) = oneshot::channel();
        self.given += 1;
        self.seats.push(Seat { number: self.given, site, who, leave });
        Ok((self.given, left))
    }

    fn leave(&mut self, number: u64) {
        self.seats.retain(|seat| seat.number != number);
    }

    fn end(&mut self) {
        self.over = true;
        for seat in self.seats.drain(..) {
            let _ = seat.leave.send(Farewell::Stop);
        }
    }
}

impl Streams {
    pub fn new(parts: &Parts) -> Streams {
        Streams { parts: parts.clone(), open: Mutex::default() }
    }

    /// Sends all listeners away, and lets nobody else in.
    pub fn end(&self) {
        self.lock().end();
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(self: Arc<Streams>, site: SiteId, who: Who) -> Result<Listener, NoSeat> {
        let mut open = self.lock();
        let (seat, left) = open.sit(site, who)?;
        let news = match open.sites.get(&site) {
            Some(known) => known.subscribe(),
            None => {
                let (sender, news) = watch::channel(None);
                let sender = Arc::new(sender);
                open.sites.insert(site, sender.clone());
                rt::spawn(self.clone().read_for_ever(site, sender));
                news
            }
        };
        drop(open);
        Ok(Listener { streams: self, seat, left, news })
    }

    /// Reads a site again and again, while somebody listens to it and it is there.
    async fn read_for_ever(self: Arc<Streams>, site: SiteId, sender: Arc<watch::Sender<News>>) {
        loop {
            let begun = Instant::now();
            let entry = self.parts.control.directory().load().by_id(site).cloned();
            // With the sender, what the listeners wait for is gone.
            let Some(entry) = entry else { return drop(self.lock().sites.remove(&site)) };
            let said = match reports::live_now(Data::new(self.parts.clone()), entry).await {
                Ok(now) => event(None, &now),
                Err(error) => event(Some("away"), &json!({ "error": error.message })),
            };
            sender.send_if_modified(|known| {
                let differs = known.as_ref() != Some(&said);
                *known = Some(said);
                differs
            });
            tokio::select! {
                () = sleep(READ_EVERY.max(begun.elapsed() * REST)) => {}
                () = sender.closed() => {}
            }
            let mut open = self.lock();
            // Who listens from now on took the lock before or finds nothing.
            if sender.receiver_count() == 0 {
                open.sites.remove(&site);
                return;
            }
        }
    }
}

/// One message. The text has no line breaks: it is JSON.
fn event(kind: Option<&str>, told: &Value) -> Bytes {
    let kind = kind.map(|kind| format!("event: {kind}\n")).unwrap_or_default();
    Bytes::from(format!("{kind}data: {told}\n\n"))
}

/// Somebody with a seat; dropped, it is free.
struct Listener {
    streams: Arc<Streams>,
    seat: u64,
    left: oneshot::Receiver<Farewell>,
    news: watch::Receiver<News>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.streams.lock().leave(self.seat);
    }
}

impl Listener {
    /// Tells what is known: at once, with each change, and with each beat; until nobody hears it or may hear it.
    async fn tell(mut self, standing: Standing, site: String, give: Sender<io::Result<Bytes>>) {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.tick().await;
        let mut due = self.news.borrow().is_some();
        let farewell = loop {
            tokio::select! {
                biased;
                farewell = &mut self.left => break farewell.unwrap_or(Farewell::Stop),
                () = give.closed() => return,
                _ = beat.tick() => {
                    if !may_listen(&standing, &site).await {
                        break Farewell::NotAllowed;
                    }
                    due = self.news.borrow().is_some();
                }
                place = give.reserve(), if due => {
                    let Ok(place) = place else { return };
                    due = false;
                    if let Some(said) = self.news.borrow_and_update().clone() {
                        place.send(Ok(said));
                    }
                }
                // The site is gone, and with it who read it.
                changed = self.news.changed(), if !due => match changed {
                    Ok(()) => due = true,
                    Err(_) => break Farewell::NotAllowed,
                },
            }
        };
        if farewell != Farewell::Stop {
            // Who has no room for it finds out by coming back.
            let _ = give.try_send(Ok(event(Some("end"), &json!({}))));
        }
    }
}

async fn may_listen(standing: &Standing, site: &str) -> bool {
    match standing.access().await {
        Ok(Some(access)) => reports::may_see_now(standing.state(), &access, site).is_ok(),
        _ => false,
    }
}

async fn stream(
    streams: Data<Streams>,
    control: Data<ControlState>,
    access: Access,
    site: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let standing = Standing::of(&request)?;
    let entry = reports::may_see_now(&control, &access, &site)?;
    let listener = streams.into_inner().listen(entry.id(), Who::from(&access))?;
    let (give, pieces) = channel(1);
    // Also opens the stream for those who wait for a first byte.
    let _ = give.try_send(Ok(Bytes::from(format!("retry: {}\n\n", RETRY.as_millis()))));
    rt::spawn(listener.tell(standing, site.into_inner(), give));
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store, no-transform"))
        // nginx passes each message on as it comes.
        .insert_header(("x-accel-buffering", "no"))
        .force_close()
        .streaming(Pieces(pieces)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: SiteId = SiteId(1);

    #[test]
    fn one_person_s_oldest_stream_makes_room() {
        let mut open = Open::default();
        let mut seats: Vec<_> = (0..OF_ONE_MAX).map(|_| open.sit(SITE, Who::Person(7)).unwrap()).collect();
        let (_, mut other) = open.sit(SITE, Who::Person(8)).unwrap();
        open.sit(SiteId(2), Who::Person(7)).unwrap();
        assert_eq!(seats[0].1.try_recv(), Ok(Farewell::Elsewhere));
        assert!(seats[1].1.try_recv().is_err() && other.try_recv().is_err());
        // One that left has made room already.
        open.leave(seats[3].0);
        open.sit(SITE, Who::Person(7)).unwrap();
        assert!(seats[1].1.try_recv().is_err());
        assert_eq!(open.seats.len(), OF_ONE_MAX + 1);
    }

    #[test]
    fn streams_of_a_site_and_of_all_are_bounded() {
        let mut open = Open::default();
        let people = |n: usize| Who::Person(n as i64);
        let mut held: Vec<_> = (0..OF_SITE_MAX).map(|n| open.sit(SITE, people(n)).unwrap()).collect();
        assert_eq!(open.sit(SITE, people(1_000)).unwrap_err(), NoSeat::Full);
        // Who is there already changes places with themselves only where they have the most that one may have.
        assert_eq!(open.sit(SITE, people(0)).unwrap_err(), NoSeat::Full);
        let rest = OF_SITE_MAX..STREAMS_MAX;
        held.extend(rest.map(|n| open.sit(SiteId(2 + n as u32 / OF_SITE_MAX as u32), people(n)).unwrap()));
        assert_eq!(open.sit(SiteId(99), people(1_000)).unwrap_err(), NoSeat::Full);
        open.leave(held[5].0);
        assert!(open.sit(SITE, people(1_000)).is_ok());
        open.end();
        assert!(held.iter_mut().enumerate().all(|(n, one)| n == 5 || one.1.try_recv() == Ok(Farewell::Stop)));
        assert_eq!(open.sit(SiteId(99), people(1)).unwrap_err(), NoSeat::Stop);
    }

    #[test]
    fn a_message_is_one_line_and_an_empty_one() {
        let told = json!({ "pages": [{ "name": "a\nb" }] });
        assert_eq!(event(None, &told), "data: {\"pages\":[{\"name\":\"a\\nb\"}]}\n\n");
        assert_eq!(event(Some("end"), &json!({})), "event: end\ndata: {}\n\n");
    }
}
